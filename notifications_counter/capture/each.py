"""Many rows that are equal but for one column: what tells a million users the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from ..compat.atomic import block, counted
from ..declaration.keys import trusted_types
from ..dialects import dialect_of
from . import feed
from .sources import Row, Rows, Source, exact_source


def create_for_each(instance: models.Model, name: str, values: Sequence[Any], using: str) -> int:
    """Create a row for each value of one field, all else as in an instance, and count them as ``bulk_create`` does.

    PostgreSQL is told what they have in common once, which takes a fraction of the time.

    Args:
        instance: has the values of all other fields; it is not saved.
        name: the name of the field that differs.
        values: its values, as its column has them.
        using: the database alias.

    Returns:
        How many rows have been created.
    """
    if not values:
        return 0
    model = type(instance)
    field = cast("models.Field[Any, Any]", model._meta.get_field(name))
    with block(using):
        if not dialect_of(connections[using]).inserts_for_each:
            model._base_manager.using(using).bulk_create([_copy(instance, field, value) for value in values])
            return len(values)
        prepared = _prepared(field, values, connections[using])
        pks = dialect_of(connections[using]).insert_for_each(connections[using], instance, field, prepared)
        with counted(using):
            source = exact_source(model)
            if source is not None:
                feed.publish(source, using, {}, _rows(source, instance, field, values, pks, using))
    return len(values)


def _prepared(field: models.Field[Any, Any], values: Sequence[Any], connection: BaseDatabaseWrapper) -> Sequence[Any]:
    """Values as the database takes them; integers of Django's own fields are that already."""
    if set(map(type, values)) == {int} and int in trusted_types(field):
        return values
    return [field.get_db_prep_save(value, connection) for value in values]


def _copy(instance: models.Model, field: models.Field[Any, Any], value: Any) -> models.Model:
    """Another new instance with the same values but one."""
    names = [one.attname for one in instance._meta.concrete_fields if not one.primary_key and one is not field]
    pk = {one.attname: getattr(instance, one.attname) for one in instance._meta.pk_fields if one is not field}
    common = {name: getattr(instance, name) for name in names} | {key: it for key, it in pk.items() if it is not None}
    return type(instance)(**common, **{field.attname: value})


def _rows(
    source: Source,
    instance: models.Model,
    field: models.Field[Any, Any],
    values: Sequence[Any],
    pks: Sequence[Any],
    using: str,
) -> Rows:
    """The new rows: from memory, else read back."""
    place = source.places.get(field.attname)
    setattr(instance, field.attname, values[0])
    first = source.in_memory(instance)
    if first is None:
        return source.lock_pks(pks, using)
    if place is None:
        return dict.fromkeys(pks, first)
    before, after = first[:place], first[place + 1 :]
    rows: dict[Any, Row] = {pk: (*before, value, *after) for pk, value in zip(pks, values, strict=True)}
    return rows if all(map(source.is_trusted, rows.values())) else source.lock_pks(pks, using)
