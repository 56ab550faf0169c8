"""The rows of a source, and those of them that count, as querysets that count nothing themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Count, F

from .conditions import column
from .counter import CounterDeclaration


def source_rows(counter: CounterDeclaration, using: str) -> models.QuerySet[Any]:
    """All rows of the source of a counter that has one."""
    assert counter.source is not None
    return models.QuerySet(counter.source, using=using)


def with_rows(counter: CounterDeclaration, using: str) -> models.QuerySet[Any]:
    """The rows of the source that count for a key."""
    rows = source_rows(counter, using)
    return rows.filter(counter.where, **{f"{key_name(counter)}__isnull": False})


def key_name(counter: CounterDeclaration) -> str:
    """The attribute of a row of the source that is its key."""
    assert counter.source is not None and counter.source_key is not None
    return column(counter.source, counter.source_key).attname


def true_rows(counter: CounterDeclaration, keys: Iterable[str], using: str) -> models.QuerySet[Any, Any]:
    """A query for the counts of keys by counting the source's rows: ``nc_key`` and ``nc_number``."""
    name = key_name(counter)
    rows = source_rows(counter, using).filter(counter.where, **{f"{name}__in": list(keys)})
    numbers = rows.annotate(nc_key=F(name)).values("nc_key").order_by().annotate(nc_number=Count("*"))
    counted: models.QuerySet[Any, Any] = numbers.values_list("nc_key", "nc_number")
    return counted
