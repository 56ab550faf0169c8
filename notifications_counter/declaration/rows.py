"""The rows of a source, and those of them that count, as plain querysets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, F, Func, Q, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from ..compat.uncached import rows_of
from ..dialects import TextColumn
from ..dialects.comparison import text_columns
from ..fields import KeyField
from .amounts import ColumnUnits
from .conditions import column, field_names
from .counter import CounterDeclaration
from .key_text import unescape
from .keys import Part, target


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


def counted_columns(counter: CounterDeclaration, source: type[models.Model]) -> set[str]:
    """The attributes of a row of the source that say whether it counts, for whom, and how much."""
    summed = [column(source, counter.sum).attname] if counter.sum else []
    return {*key_names(counter), *field_names(counter.filter, source), *summed}


class AsKey(Func):
    """A column of the source that holds text, compared as the count model's is: their collations may differ."""

    def __init__(self, name: str, own: models.Field[Any, Any], part: Part) -> None:
        super().__init__(F(name), output_field=part.field.clone())
        self.ends = own, part.column

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **kwargs: Any) -> Any:
        sql, parameters = compiler.compile(self.source_expressions[0])
        own, of_key = (_text_column(field, connection) for field in self.ends)
        return sql if own == of_key or of_key is None else of_key.of(sql), parameters


def _text_column(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> TextColumn | None:
    return text_columns(connection, field.model._meta.db_table).get(field.column or "")


def keyed(counter: CounterDeclaration, rows: models.QuerySet[Any]) -> tuple[models.QuerySet[Any], list[str]]:
    """Rows of the source, and the names of what makes up their keys, as the count model's table compares them."""
    assert counter.source is not None
    names, compared = key_names(counter), {}
    for place, (name, part) in enumerate(zip(counter.source_keys, counter.keys.parts, strict=True)):
        own = column(counter.source, name)
        if part.may_be_loose or (part.is_text and not isinstance(target(own), KeyField)):
            compared[f"nc_compared{place}"] = AsKey(names[place], own, part)
            names[place] = f"nc_compared{place}"
    return rows.annotate(**compared), names


def _maybe_of(counter: CounterDeclaration, keys: Iterable[str], rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Rows without most of those of other keys, by what the source's index knows, if its column is the looser one."""
    names = key_names(counter)
    if len(names) > 1 or counter.source is None:
        return rows
    ends = column(counter.source, counter.source_keys[0]), counter.keys.parts[0].column
    if not counter.keys.parts[0].is_text:
        return rows
    own, of_key = (_text_column(field, connections[rows.db]) for field in ends)
    return rows.filter(**{f"{names[0]}__in": keys}) if own != of_key and of_key and not of_key.is_loose else rows


def actual_counts_query(counter: CounterDeclaration, keys: Iterable[str], using: str) -> models.QuerySet[Any, Any]:
    """A query for the actual counts of keys, in units: the key's columns, ``nc_key0`` ..., and ``nc_number``.

    No row for a key without rows.
    """
    keys = list(keys)
    rows, names = keyed(counter, source_rows(counter, using).filter(counter.filter))
    if len(names) == 1:
        found = Q(**{f"{names[0]}__in": keys})
    else:
        same = [Q(**dict(zip(names, counter.keys.split(key), strict=True))) for key in keys]
        found = Q(*same, _connector=Q.OR)
    return _numbers(counter, _maybe_of(counter, keys, rows).filter(found), names)


def actual_counts_of_group(counter: CounterDeclaration, group: str, using: str) -> models.QuerySet[Any, Any]:
    """The same of all keys of a group."""
    rows, names = keyed(counter, counted_rows(counter, using))
    return _numbers(counter, rows.filter(**{names[0]: unescape(group)}), names)


def _numbers(
    counter: CounterDeclaration, rows: models.QuerySet[Any], names: Iterable[str]
) -> models.QuerySet[Any, Any]:
    columns = {f"nc_key{place}": F(name) for place, name in enumerate(names)}
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
