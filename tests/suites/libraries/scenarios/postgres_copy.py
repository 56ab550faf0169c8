"""CSV files by COPY."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from postgres_copy import CopyManager

from ..counted import count


class Item(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    open = models.BooleanField(default=True)
    objects = CopyManager()


count(Item, "user", Q(open=True))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    rows = io.StringIO(f"user_id,open\n{ada.pk},true\n{ada.pk},false\n{bob.pk},true\n")
    Item.objects.from_csv(rows, mapping={"user": "user_id", "open": "open"}, drop_constraints=False, drop_indexes=False)
    assert Item.objects.count() == 3
    yield "from_csv"
    Item.objects.filter(user=ada).update(open=False)
    Item.objects.create(user=ada)
    Item.objects.filter(user=bob).delete()
    yield "update, create, delete"
