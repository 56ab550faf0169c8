"""The rows of a source, and those of them that count, as plain querysets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Count, F, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from .amounts import ColumnUnits
from .conditions import column
from .counter import CounterDeclaration


def source_rows(counter: CounterDeclaration, using: str) -> models.QuerySet[Any]:
    """All rows of the source of a counter that has one."""
    assert counter.source is not None
    return models.QuerySet(counter.source, using=using)


def counted_rows(counter: CounterDeclaration, using: str) -> models.QuerySet[Any]:
    """The rows of the source that count for a key."""
    rows = source_rows(counter, using)
    return rows.filter(counter.filter, **{f"{key_name(counter)}__isnull": False})


def key_name(counter: CounterDeclaration) -> str:
    """The attribute of a row of the source that is its key."""
    assert counter.source is not None and counter.source_key is not None
    return column(counter.source, counter.source_key).attname


def actual_counts_query(counter: CounterDeclaration, keys: Iterable[str], using: str) -> models.QuerySet[Any, Any]:
    """A query for the actual counts of keys, in units: ``nc_key`` and ``nc_number``; no row for a key without rows."""
    name = key_name(counter)
    rows = source_rows(counter, using).filter(counter.filter, **{f"{name}__in": list(keys)})
    numbers = rows.annotate(nc_key=F(name)).values("nc_key").order_by().annotate(nc_number=number_of_rows(counter))
    counted: models.QuerySet[Any, Any] = numbers.values_list("nc_key", "nc_number")
    return counted


def number_of_rows(counter: CounterDeclaration) -> Combinable:
    """What rows of the source come to, in units: their number, or their sum."""
    if counter.sum is None:
        return Count("*")
    assert counter.source is not None
    name = column(counter.source, counter.sum).attname
    return Coalesce(Sum(ColumnUnits(F(name), counter.amounts)), Value(0))
