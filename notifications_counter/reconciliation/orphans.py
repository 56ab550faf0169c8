"""Counts of owners that are gone, and what is left of them in the source.

A flush makes no row for an owner that is gone. But it locks the owner of a row that it inserts, and a deletion of that
owner that has looked for its count already waits for the lock, and then leaves a row of 0 behind. Where a constraint
keeps the owner there are no such rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q

from ..compat.uncached import rows_of
from ..declaration import conditions
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


def owned(store: CounterStore, keys: Sequence[str]) -> Sequence[str]:
    """The keys whose owners are there. Of others no count is kept, even where rows of the source have outlived them."""
    if store.is_loose:
        return keys
    converter, source = store.counter.keys, store.counter.source
    assert source is not None, "events are not recounted"
    for place, (part, name) in enumerate(zip(converter.parts, store.counter.source_keys, strict=True)):
        needed = part.owners.needed(store.using)
        if needed is None or _keeps_its_owner(conditions.column(source, name), needed):
            continue
        values = {key: part.value(converter.split(key)[place]) for key in keys}
        there = rows_of(needed.model, store.using).filter(**{f"{needed.attname}__in": set(values.values())})
        found = set(there.values_list(needed.attname, flat=True))
        keys = [key for key in keys if values[key] in found]
    return keys


def _keeps_its_owner(column: models.Field[Any, Any], needed: models.Field[Any, Any]) -> bool:
    """Whether a constraint of the source refuses that an owner goes before its rows."""
    is_constrained = column.remote_field is not None and getattr(column, "db_constraint", True)
    return is_constrained and issubclass(column.target_field.model, needed.model)  # type: ignore[attr-defined]


def _may_lose_its_owner(field: models.Field[Any, Any]) -> bool:
    return not getattr(field, "db_constraint", True)


def _owners(field: Any, needed: Any, using: str) -> models.QuerySet[Any]:
    return rows_of(needed.model, using).filter(**{needed.attname: OuterRef(field.attname)})
