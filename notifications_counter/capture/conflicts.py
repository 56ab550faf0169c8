"""``bulk_create`` that may skip or change rows: nobody says which, so the keys of all of them are recounted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import models
from django.db.models import Q

from ..buffers import recording
from ..declaration.conditions import column
from ..declaration.counter import CounterDeclaration as Counter
from ..exceptions import CountingConflict
from .sources import BATCH, Source


@contextmanager
def asking(source: Source, objs: Sequence[models.Model], unique_fields: Any, using: str) -> Iterator[None]:
    """Ask for a recount of the keys of these objects, and of the rows with which they conflict.

    Args:
        source: whose rows they are.
        objs: the objects; not saved yet.
        unique_fields: as ``bulk_create`` takes it: which fields conflict. Without it any unique fields.
        using: the database alias.

    Raises:
        CountingConflict: the key of an object is an expression.
    """
    sets = unique_sets(source.model, unique_fields)
    keys = {counter: set(_keys_in_memory(source, counter, objs)) for counter in source.counted_on(using)}
    _add_conflicting(source, objs, sets, using, keys)
    yield
    _add_conflicting(source, objs, sets, using, keys)
    for counter, found in keys.items():
        recording.request_recount(counter, sorted(found), using)


def _keys_in_memory(source: Source, counter: Counter, objs: Iterable[models.Model]) -> Iterator[str]:
    name = source.key_column(counter).attname
    for instance in objs:
        value = getattr(instance, name)
        if hasattr(value, "resolve_expression"):
            raise CountingConflict(
                f"{source.model._meta.label}: {name} is an expression, which says nothing before the insert."
            )
        if value is not None:
            yield counter.key_text(value)


def unique_sets(model: type[models.Model], unique_fields: Any) -> list[list[models.Field[Any, Any]]]:
    """The sets of fields by which rows may conflict."""
    meta = model._meta
    if unique_fields:
        return [[column(model, name) for name in unique_fields]]
    together = [*meta.unique_together, *(constraint.fields for constraint in meta.total_unique_constraints)]
    sets = [[column(model, name) for name in names] for names in together]
    return [[field] for field in meta.concrete_fields if field.unique] + sets


def _add_conflicting(
    source: Source, objs: Sequence[models.Model], sets: Any, using: str, keys: dict[Counter, set[str]]
) -> None:
    for start in range(0, len(objs), BATCH // 4):
        same = [_same(instance, fields) for instance in objs[start : start + BATCH // 4] for fields in sets]
        condition = Q(*(one for one in same if one is not None), _connector=Q.OR)
        if condition:
            _add_keys(source.rows(using).filter(condition), source, keys)


def _same(instance: models.Model, fields: Sequence[models.Field[Any, Any]]) -> Q | None:
    """The rows that have an object's values in some fields; None where a value is not known, or NULL."""
    values = {field.attname: getattr(instance, field.attname) for field in fields}
    known = all(value is not None and not hasattr(value, "resolve_expression") for value in values.values())
    return Q(**values) if known else None


def _add_keys(rows: models.QuerySet[Any], source: Source, keys: dict[Counter, set[str]]) -> None:
    for counter, found in keys.items():
        name = source.key_column(counter).attname
        found.update(counter.key_text(key) for key in rows.values_list(name, flat=True) if key is not None)
