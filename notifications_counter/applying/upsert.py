"""Add sums to the count model: one or two statements for a whole chunk.

A key without a row gets one, unless the count model's primary key refers to a row that does not exist (any more).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import models

from ..dialects import CountTable, Sums, dialect_of
from ..fields import collation_of
from ..ledger.store import CounterStore


def add(store: CounterStore, sums: Sums) -> None:
    """Add sums to the stored counts, in the transaction that is open.

    Args:
        store: the counter, on one database alias.
        sums: primary key, as the database takes it, and change, each key once.

    Raises:
        UnsupportedDatabase: the database is neither PostgreSQL, nor MariaDB or MySQL, nor SQLite.
    """
    if sums:
        dialect_of(store.connection).add_sums(store.connection, _table(store), sorted(sums))


def _table(store: CounterStore) -> CountTable:
    connection, meta, field = store.connection, store.counter.model._meta, store.counter.field
    quote, dialect = connection.ops.quote_name, dialect_of(connection)
    others = [each for each in meta.concrete_fields if each not in (meta.pk, field)]
    return CountTable(
        name=quote(meta.db_table),
        pk=quote(meta.pk.column or ""),
        pk_type=str(meta.pk.db_type(connection)),
        pk_collation=collation_of(meta.pk, connection),
        amount=quote(field.column or ""),
        given=store.counter.amounts.stored_amount("d.a", dialect),
        added=partial(store.counter.amounts.stored_sum, dialect=dialect),
        others=[quote(each.column or "") for each in others],
        defaults=[each.get_db_prep_save(each.get_default(), connection) for each in others],
        owner=_owner(meta.pk, store),
    )


def _owner(pk: models.Field[Any, Any], store: CounterStore) -> tuple[str, str] | None:
    if pk.remote_field is None:
        return None
    quote = store.connection.ops.quote_name
    target: models.Field[Any, Any] = pk.target_field  # type: ignore[attr-defined]
    return quote(target.model._meta.db_table), quote(target.column or "")
