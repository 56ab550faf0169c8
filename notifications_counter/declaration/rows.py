"""The rows of a source, and those of them that count, as plain querysets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Count, F, Q, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from ..compat.uncached import rows_of
from .amounts import ColumnUnits
from .conditions import column
from .counter import CounterDeclaration
from .key_text import unescape


def source_rows(counter: CounterDeclaration, using: str) -> models.QuerySet[Any]:
    """All rows of the source of a counter that has one."""
    assert counter.source is not None
    return rows_of(counter.source, using)


def counted_rows(counter: CounterDeclaration, using: str) -> models.QuerySet[Any]:
    """The rows of the source that count for a key."""
    rows = source_rows(counter, using)
    return rows.filter(counter.filter, **{f"{name}__isnull": False for name in key_names(counter)})


def key_names(counter: CounterDeclaration) -> list[str]:
    """The attributes of a row of the source that make up its key."""
    assert counter.source is not None
    return [column(counter.source, name).attname for name in counter.source_keys]


def actual_counts_query(counter: CounterDeclaration, keys: Iterable[str], using: str) -> models.QuerySet[Any, Any]:
    """A query for the actual counts of keys, in units: the key's columns, ``nc_key0`` ..., and ``nc_number``.

    No row for a key without rows.
    """
    names = key_names(counter)
    if len(names) == 1:
        found = Q(**{f"{names[0]}__in": list(keys)})
    else:
        same = [Q(**dict(zip(names, counter.keys.split(key), strict=True))) for key in keys]
        found = Q(*same, _connector=Q.OR)
    return _numbers(counter, source_rows(counter, using).filter(counter.filter).filter(found))


def actual_counts_of_group(counter: CounterDeclaration, group: str, using: str) -> models.QuerySet[Any, Any]:
    """The same of all keys of a group."""
    first = {key_names(counter)[0]: unescape(group)}
    return _numbers(counter, counted_rows(counter, using).filter(**first))


def _numbers(counter: CounterDeclaration, rows: models.QuerySet[Any]) -> models.QuerySet[Any, Any]:
    columns = {f"nc_key{place}": F(name) for place, name in enumerate(key_names(counter))}
    numbers = rows.annotate(**columns).values(*columns).order_by().annotate(nc_number=number_of_rows(counter))
    counted: models.QuerySet[Any, Any] = numbers.values_list(*columns, "nc_number")
    return counted


def number_of_rows(counter: CounterDeclaration) -> Combinable:
    """What rows of the source come to, in units: their number, or their sum."""
    if counter.sum is None:
        return Count("*")
    assert counter.source is not None
    name = column(counter.source, counter.sum).attname
    return Coalesce(Sum(ColumnUnits(F(name), counter.amounts)), Value(0))
