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
    owned = [(part.column, part.owners.needed(using)) for part in store.counter.keys.parts]
    owners = [_owners(field, needed, using) for field, needed in owned if needed and _may_lose_its_owner(field)]
    if not owners:
        return 0
    counts = {each.field.attname: 0 for each in declarations() if each.model is model}
    gone = Q(*(~Exists(found) for found in owners), _connector=Q.OR)
    return rows_of(model, using).filter(gone, **counts).delete()[0]


def _may_lose_its_owner(field: models.Field[Any, Any]) -> bool:
    return not getattr(field, "db_constraint", True)


def _owners(field: Any, needed: Any, using: str) -> models.QuerySet[Any]:
    return rows_of(needed.model, using).filter(**{needed.attname: OuterRef(field.attname)})
