"""Add sums to the count model: one or two statements for a whole chunk.

A key without a row gets one, unless the count model's primary key refers to a row of the same database that does not
exist (any more).
"""

from __future__ import annotations

from functools import partial

from django.db import Error as DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from ..declaration.keys import Part
from ..declaration.registry import declarations
from ..dialects import CountTable, KeyColumn, Sums, dialect_of
from ..dialects.comparison import text_columns
from ..fields import collation_of
from ..ledger.store import CounterStore


class RefusedRow(Exception):
    """The table of a count model does not take a count.

    Args:
        reason: what the database says.
        number: how many counts it was given.
    """

    def __init__(self, reason: str, number: int) -> None:
        super().__init__(reason)
        self.number = number


def add(store: CounterStore, sums: Sums) -> None:
    """Add sums to the stored counts, in the transaction that is open.

    Args:
        store: the counter, on one database alias.
        sums: primary key, as the database takes it, and change, each key once.

    Raises:
        RefusedRow: the table takes one of the counts not.
        UnsupportedDatabase: the database is neither PostgreSQL, nor MariaDB or MySQL, nor SQLite.
    """
    if not sums:
        return
    dialect = dialect_of(store.connection)
    try:
        dialect.add_sums(store.connection, _table(store), _in_order(sums))
    except DatabaseError as error:
        if not dialect.blames_row(error):
            raise
        said = " ".join(str(error).split())
        raise RefusedRow(f"{type(error).__name__}: {said}", len(sums)) from error


def _in_order(sums: Sums) -> Sums:
    try:
        return sorted(sums)
    except TypeError:  # addresses of two versions
        return sorted(sums, key=str)


def _table(store: CounterStore) -> CountTable:
    connection, meta, field = store.connection, store.counter.model._meta, store.counter.field
    quote, dialect = connection.ops.quote_name, dialect_of(connection)
    others = [each for each in meta.concrete_fields if each not in (*meta.pk_fields, field)]
    counts = {each.field for each in declarations() if each.model is store.counter.model}  # which begin at 0
    return CountTable(
        name=quote(meta.db_table),
        keys=[_key_column(part, connection) for part in store.counter.keys.parts],
        amount=quote(field.column or ""),
        given=store.counter.amounts.stored_amount("d.a", dialect),
        added=partial(store.counter.amounts.stored_sum, dialect=dialect),
        others=[quote(each.column or "") for each in others],
        defaults=[each.get_db_prep_save(0 if each in counts else each.get_default(), connection) for each in others],
    )


def _key_column(part: Part, connection: BaseDatabaseWrapper) -> KeyColumn:
    quote, field, owner = connection.ops.quote_name, part.column, None
    if (needed := part.owners.needed(connection.alias)) is not None:
        owner = quote(needed.model._meta.db_table), quote(needed.column or "")
    known = text_columns(connection, field.model._meta.db_table) if part.may_be_loose else {}
    kind, collation = str(field.db_type(connection)), collation_of(field, connection)
    return KeyColumn(quote(field.column or ""), kind, collation, known.get(field.column or ""), owner)
