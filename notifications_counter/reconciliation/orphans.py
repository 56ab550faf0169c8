"""Counts of owners that are gone: rows of 0 that a flush inserted while their owner was being deleted.

A flush locks the owner of a row that it inserts. A deletion of that owner that has looked for its count already waits
for the lock, and then leaves the row behind. Where a constraint keeps the owner there are no such rows.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q

from ..compat.uncached import rows_of
from ..declaration.registry import declarations
from ..ledger.store import CounterStore


def delete_orphans(store: CounterStore) -> int:
    """Delete the rows of a count model that count nothing, for an owner that is gone; how many there were."""
    model, using = store.counter.model, store.using
    owned = [field for field in model._meta.pk_fields if _may_lose_its_owner(field)]
    if not owned:
        return 0
    counts = {each.field.attname: 0 for each in declarations() if each.model is model}
    gone = Q(*(~Exists(_owners(field, using)) for field in owned), _connector=Q.OR)
    return rows_of(model, using).filter(gone, **counts).delete()[0]


def _may_lose_its_owner(field: models.Field[Any, Any]) -> bool:
    return field.remote_field is not None and not getattr(field, "db_constraint", True)


def _owners(field: Any, using: str) -> models.QuerySet[Any]:
    return rows_of(field.related_model, using).filter(**{field.target_field.attname: OuterRef(field.attname)})
