"""A cache of every query of every model in Redis, that writes invalidate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q

from ..counted import count


class Item(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    open = models.BooleanField(default=True)


count(Item, "user", Q(open=True))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    items = [Item.objects.create(user=user) for user in (ada, ada, bob)]
    assert len(Item.objects.all()) == len(list(Item.objects.all())) == Item.objects.count() == 3
    yield "create"
    Item.objects.filter(user=ada).update(open=False)
    items[2].user = ada
    items[2].save()
    yield "update, save"
    Item.objects.filter(user=ada).invalidated_update(open=True)
    yield "invalidated_update"
    Item.objects.bulk_create([Item(user=bob) for _ in range(3)])
    items[0].delete()
    Item.objects.filter(user=bob).first().delete()
    yield "bulk_create, delete"
    with transaction.atomic():
        Item.objects.create(user=bob)
        transaction.set_rollback(True)
    yield "a rollback"
    bob.delete()
    yield "delete of a user"
