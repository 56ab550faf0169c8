"""Updates of the primary key itself, or of a part of it: where the rows of a source are afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.db import connections, models
from django.db.models import ExpressionWrapper, Value

from ..declaration.keys import target
from ..dialects import dialect_of
from ..exceptions import CountingConflict
from .sources import Rows, Source

QuerySet = models.QuerySet[Any]


def pks_after(source: Source, before: Rows, values: Mapping[str, Any], queryset: QuerySet) -> Collection[Any]:
    """The primary keys that locked rows may have after an update: those that they have, and those that it gives them.

    Args:
        source: whose rows they are.
        before: the rows; the update has not been made yet.
        values: what the update sets.
        queryset: of the rows, on the database to which it writes.

    Raises:
        CountingConflict: what the update makes of the primary key cannot be determined before it.
    """
    if source.attnames(values).isdisjoint(source.pk_names):
        return before
    columns = source.constants(values)
    if columns is not None:
        return dict.fromkeys((*before, *(source.moved_pk(pk, columns) for pk in before)))
    _refuse_in_turn(source, values, queryset)
    own = queryset if queryset.model._meta.concrete_model is source.model else source.rows(queryset.db)
    return dict.fromkeys((*before, *(new for old, new in _computed(source, values, own) if old in before)))


def _refuse_in_turn(source: Source, values: Mapping[str, Any], queryset: QuerySet) -> None:
    """A database that assigns one column after the other works with the new values of those that were first."""
    if dialect_of(connections[queryset.db]).assigns_in_turn and len(source.assigned(values)) > 1:
        moved = ", ".join(sorted(source.attnames(values) & set(source.pk_names)))
        raise CountingConflict(
            f"{source.model._meta.label}: an update that computes the primary key ({moved}) and sets other columns"
            f" cannot be counted on {connections[queryset.db].display_name}. Do it in two updates."
        )


def _computed(source: Source, values: Mapping[str, Any], queryset: QuerySet) -> Iterator[tuple[Any, Any]]:
    """The primary keys before and after an update that lets the database work them out."""
    assigned, fields = source.assigned(values), source.model._meta.pk_fields
    new = {
        f"nc_pk{place}_": ExpressionWrapper(_expression(assigned[field.attname]), output_field=target(field))
        for place, field in enumerate(fields)
        if field.attname in assigned
    }
    names = [f"nc_pk{place}_" if field.attname in assigned else field.attname for place, field in enumerate(fields)]
    for row in queryset.order_by().annotate(**new).values_list(*source.pk_names, *names):
        old, moved = row[: len(fields)], row[len(fields) :]
        yield (old[0], moved[0]) if len(fields) == 1 else (old, moved)


def _expression(value: Any) -> Any:
    return value if hasattr(value, "resolve_expression") else Value(value)
