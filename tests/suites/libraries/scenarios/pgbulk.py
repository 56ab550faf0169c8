"""Upserts, bulk updates and COPY."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pgbulk
from django.conf import settings
from django.db import models
from django.db.models import Q

from ..counted import count


class Item(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    code = models.CharField(max_length=10, unique=True)
    open = models.BooleanField(default=True)


count(Item, "user", Q(open=True))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    Item.objects.bulk_create([Item(user=ada, code=str(number)) for number in range(4)])
    yield "bulk_create"
    items = list(Item.objects.all())
    for item in items:
        item.user, item.open = bob, item.pk % 2 == 0
    pgbulk.update(Item, items, ["user", "open"])
    yield "pgbulk.update"
    pgbulk.upsert(Item, [Item(user=ada, code=code) for code in ("0", "1", "9")], ["code"], ["user", "open"])
    yield "pgbulk.upsert"
    pgbulk.copy(Item, [Item(user=bob, code=code) for code in ("a", "b")])
    yield "pgbulk.copy"
