"""Imports of rows that are new, changed or to be deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from import_export import resources
from tablib import Dataset

from ..counted import count


class Item(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    open = models.BooleanField(default=True)


count(Item, "user", Q(open=True))


def make_resources() -> list[Any]:
    """Where all models are there."""

    class ItemResource(resources.ModelResource):
        def for_delete(self, row: Any, instance: Any) -> bool:
            return bool(row["remove"])

        class Meta:
            model = Item
            fields = ("id", "user", "open")

    class BulkResource(ItemResource):
        class Meta(ItemResource.Meta):
            use_bulk = True
            batch_size = 2

    return [ItemResource(), BulkResource()]


def steps(ada: Any, bob: Any) -> Iterator[str]:
    for resource, said in zip(make_resources(), ("", " in bulk"), strict=True):
        start = 100 if said else 1
        new = [(start + place, user.pk, place % 2, 0) for place, user in enumerate((ada, ada, ada, bob))]
        load(resource, new, dry_run=True)
        yield f"dry run{said}"
        load(resource, new)
        yield f"new rows{said}"
        load(resource, [(number, bob.pk, 1 - is_open, 0) for number, _, is_open, _ in new])
        yield f"changed rows{said}"
        load(resource, [(number, bob.pk, 1, 1) for number, *_ in new[:2]])
        yield f"deleted rows{said}"


def load(resource: Any, rows: list[Any], dry_run: bool = False) -> None:
    data = Dataset(*rows, headers=["id", "user", "open", "remove"])
    resource.import_data(data, dry_run=dry_run, raise_errors=True, use_transactions=True)
