"""Upserts by a manager of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from psqlextra.models import PostgresModel
from psqlextra.query import ConflictAction

from ..counted import count


class Item(PostgresModel):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    code = models.CharField(max_length=10, unique=True)
    open = models.BooleanField(default=True)


count(Item, "user", Q(open=True))


def steps(ada: Any, bob: Any) -> Iterator[str]:
    Item.objects.bulk_create([Item(user=ada, code=str(number)) for number in range(4)])
    Item.objects.filter(code="3").update(open=False)
    Item.objects.filter(code="2").delete()
    yield "bulk_create, update, delete"
    Item.objects.upsert(conflict_target=["code"], fields={"user": bob, "code": "0", "open": True})
    yield "upsert"
    Item.objects.bulk_upsert(
        conflict_target=["code"], rows=[{"user": bob, "code": code, "open": True} for code in ("1", "8")]
    )
    yield "bulk_upsert"
    Item.objects.on_conflict(["code"], ConflictAction.NOTHING).insert(user=ada, code="9", open=True)
    yield "on_conflict, insert"
