"""A cache of every query, that writes invalidate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from ..counted import count


class Item(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    open = models.BooleanField(default=True)


count(Item, "user", Q(open=True))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    items = [Item.objects.create(user=user) for user in (ada, ada, bob)]
    assert len(Item.objects.all()) == len(list(Item.objects.all())) == 3
    yield "create"
    Item.objects.filter(user=ada).update(open=False)
    items[2].user = ada
    items[2].save()
    yield "update, save"
    Item.objects.bulk_create([Item(user=bob) for _ in range(3)])
    items[0].delete()
    Item.objects.filter(user=bob).first().delete()
    yield "bulk_create, delete"
    bob.delete()
    yield "delete of a user"
