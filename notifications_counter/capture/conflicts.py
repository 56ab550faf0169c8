"""``bulk_create`` that may skip or change rows: which it did cannot be determined, so the keys of all are recounted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Q

from ..compat.atomic import counted
from ..declaration.conditions import column
from ..declaration.counter import CounterDeclaration as Counter
from ..declaration.rows import key_names
from ..exceptions import CountingConflict
from . import counting, feed
from .sources import Rows, Source, rows_a_statement


def create_or_skip(
    create: Callable[[], Any], source: Source, objs: Sequence[models.Model], unique_fields: Any, using: str
) -> Any:
    """Create rows, and request a recount of their keys and of those of the rows with which they conflict.

    Args:
        create: creates the rows, or skips or changes those that are there already.
        source: whose rows they are.
        objs: the objects; not saved yet.
        unique_fields: as ``bulk_create`` takes it: which fields conflict. Without it any unique fields.
        using: the database alias.

    Raises:
        CountingConflict: the key of an object is an expression.
    """
    try:
        sets = unique_sets(source.model, unique_fields)
    except FieldDoesNotExist:
        return create()  # Django says what is wrong with them
    keys = {counter: set(_keys_in_memory(source, counter, objs)) for counter in source.counters}
    before = _conflicting(source, objs, sets, using)
    created = create()
    with counted(using):
        after = _conflicting(source, objs, sets, using)
        counting.request_recounts(source, using, [*before.values(), *after.values()], keys)
        feed.publish_uncounted(source, using, before, after)
    return created


def request_recounts(source: Source, objs: Sequence[models.Model], using: str) -> None:
    """Request a recount of the keys of objects of which some may be rows now, and some not.

    Raises:
        CountingConflict: the key of an object is an expression.
    """
    keys = {counter: set(_keys_in_memory(source, counter, objs)) for counter in source.counters}
    counting.request_recounts(source, using, (), keys)


def _keys_in_memory(source: Source, counter: Counter, objs: Iterable[models.Model]) -> Iterator[str]:
    names = key_names(counter)
    is_generated = any(getattr(column(source.model, name), "generated", False) for name in names)
    for instance in objs:
        values = [] if is_generated else [getattr(instance, name) for name in names]
        if is_generated or any(hasattr(value, "resolve_expression") for value in values):
            raise CountingConflict(
                f"{source.model._meta.label}: {' or '.join(names)} is an expression, which says nothing before the"
                " insert. Give it a value, or create the rows without ignore_conflicts and update_conflicts."
            )
        if None not in values:
            yield counter.key_text(values[0] if len(values) == 1 else tuple(values))


def unique_sets(model: type[models.Model], unique_fields: Any) -> list[list[models.Field[Any, Any]]]:
    """The sets of fields by which rows may conflict."""
    meta = model._meta
    if unique_fields:
        return [_columns(model, unique_fields)]
    together = [*meta.unique_together, *(constraint.fields for constraint in meta.total_unique_constraints)]
    sets = [_columns(model, names) for names in together]
    return [*([field] for field in meta.concrete_fields if field.unique), list(meta.pk_fields), *sets]


def _columns(model: type[models.Model], names: Iterable[str]) -> list[models.Field[Any, Any]]:
    """The columns of these names, of which ``pk`` may stand for several."""
    return [
        field for name in names for field in (model._meta.pk_fields if name == "pk" else [column(model, str(name))])
    ]


def _conflicting(source: Source, objs: Sequence[models.Model], sets: Any, using: str) -> Rows:
    """The rows, locked, that have the values of an object in some unique fields."""
    found, length = Rows(), rows_a_statement(using, sum(map(len, sets)))
    length = min(length, 100)  # joined by OR, of which SQLite takes no deep tree
    for start in range(0, len(objs), length):
        same = [_same(instance, fields) for instance in objs[start : start + length] for fields in sets]
        condition = Q(*(one for one in same if one is not None), _connector=Q.OR)
        if condition:
            found |= source.lock(source.rows(using).filter(condition))
    return found


def _same(instance: models.Model, fields: Sequence[models.Field[Any, Any]]) -> Q | None:
    """The rows that have an object's values in some fields; None where a value is not known, or NULL."""
    values = {field.attname: getattr(instance, field.attname) for field in fields}
    known = all(value is not None and not hasattr(value, "resolve_expression") for value in values.values())
    return Q(**values) if known else None
