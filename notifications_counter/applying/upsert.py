"""Add sums to the count model: one or two statements for a whole chunk, in the dialect of each database.

A key without a row gets one, unless the count model's primary key refers to a row that does not exist (any more).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import CounterError
from ..fields import collation_of
from ..ledger.store import CounterStore


class UnsupportedDatabase(CounterError):
    """The database has no dialect here."""


Rows = Sequence[tuple[Any, int]]


def add(store: CounterStore, sums: Rows) -> None:
    """Add sums to the stored counts, in the transaction that is open.

    Args:
        store: the counter, on one database alias.
        sums: primary key, as the database takes it, and change, each key once.

    Raises:
        UnsupportedDatabase: the database is neither PostgreSQL, nor MariaDB or MySQL, nor SQLite.
    """
    connection = store.connection
    if connection.vendor not in DIALECTS:
        names = ", ".join(sorted(DIALECTS))
        raise UnsupportedDatabase(f"{store.label}: no flush for {connection.vendor!r}, only for {names}.")
    if sums:
        DIALECTS[connection.vendor](Table(store), sorted(sums), connection)


class Table:
    """The quoted names of the count model's table, of its key's columns, and of the tables that these refer to.

    In the statements ``d`` has the columns ``k0``, ``k1`` ... of the keys, and the sums ``a``.
    """

    def __init__(self, store: CounterStore) -> None:
        connection, meta = store.connection, store.counter.model._meta
        self.quote = connection.ops.quote_name
        self.name = self.quote(meta.db_table)
        self.keys = [Column(part.column, connection) for part in store.counter.keys.parts]
        self.amount = self.quote(store.counter.field.column or "")
        self._amounts, self._vendor = store.counter.amounts, connection.vendor
        others = [field for field in meta.concrete_fields if field not in (*meta.pk_fields, store.counter.field)]
        self.others = [self.quote(field.column or "") for field in others]
        self.defaults = [field.get_db_prep_save(field.get_default(), connection) for field in others]

    @property
    def key(self) -> str:
        return ", ".join(column.name for column in self.keys)

    @property
    def columns(self) -> str:
        return ", ".join([self.key, self.amount, *self.others])

    @property
    def sum(self) -> str:
        """A sum that is to be added, as the count field takes it."""
        return self._amounts.stored_amount("d.a", self._vendor)

    def added(self, one: str, other: str) -> str:
        """The new count."""
        return self._amounts.stored_sum(f"{one} + {other}", self._vendor)

    @property
    def given(self) -> str:
        """The columns of a key in ``d``."""
        return ", ".join(f"d.k{place}" for place in range(len(self.keys)))

    @property
    def selected(self) -> str:
        """What is inserted, of ``d``."""
        return ", ".join([self.given, self.sum, *("%s" for _ in self.defaults)])

    @property
    def is_same(self) -> str:
        """The condition that a row ``c`` has the key in ``d``."""
        return " AND ".join(f"c.{column.name} = d.k{place}" for place, column in enumerate(self.keys))

    def owners_exist(self, lock: str = "") -> str:
        """The condition that a new row of ``d`` may be inserted."""
        found = (column.owner_exists(f"d.k{place}", lock) for place, column in enumerate(self.keys))
        return " AND ".join(filter(None, found)) or "TRUE"

    def row_exists(self, lock: str = "") -> str:
        return f"EXISTS (SELECT 1 FROM {self.name} c WHERE {self.is_same}{lock})"

    def values(self, rows: Rows) -> list[list[Any]]:
        """The columns of ``d``, as lists."""
        pks, amounts = [pk for pk, _ in rows], [amount for _, amount in rows]
        if len(self.keys) == 1:
            return [pks, amounts]
        return [*([pk[place] for pk in pks] for place in range(len(self.keys))), amounts]

    def in_json(self, rows: Rows) -> str:
        """The rows of ``d``, as JSON."""
        return json.dumps(list(zip(*self.values(rows), strict=True)), default=str)


class Column:
    """A column of the count model's primary key, and the table that it refers to."""

    def __init__(self, field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> None:
        quote = connection.ops.quote_name
        self.name = quote(field.column or "")
        self.type = str(field.db_type(connection))
        self.collation = collation_of(field, connection)
        self.owner: tuple[str, str] | None = None
        if field.remote_field is not None:
            target: models.Field[Any, Any] = field.target_field  # type: ignore[attr-defined]
            self.owner = quote(target.model._meta.db_table), quote(target.column or "")

    def owner_exists(self, given: str, lock: str) -> str:
        """The condition that the row exists that a value refers to; empty where it refers to none."""
        if self.owner is None:
            return ""
        table, column = self.owner
        return f"EXISTS (SELECT 1 FROM {table} o WHERE o.{column} = {given}{lock})"


def _postgresql(table: Table, rows: Rows, connection: BaseDatabaseWrapper) -> None:
    names = ", ".join(f"k{place}" for place in range(len(table.keys)))
    arrays = "".join(f"%s::{column.type}[], " for column in table.keys)
    given = f"unnest({arrays}%s::bigint[]) AS d({names}, a)"
    returned = ", ".join(f"c.{column.name}" for column in table.keys)
    with connection.cursor() as cursor:
        # Row by row in the order of the rows, which is that of the keys, so that nobody waits for us in a circle; other
        # joins have orders of their own, and read the whole table.
        cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
        cursor.execute(
            f"UPDATE {table.name} c SET {table.amount} = c.{table.amount} + {table.sum}"
            f" FROM {given} WHERE {table.is_same} RETURNING {returned}",
            _arrays(table, rows),
        )
        if cursor.rowcount < len(rows):
            found = {pk if len(pk) > 1 else pk[0] for pk in cursor.fetchall()}
            missing = [row for row in rows if row[0] not in found]
            cursor.execute(
                # Locked, so that nobody deletes the owner before this commits; other changes of it go on.
                f"INSERT INTO {table.name} AS c ({table.columns}) SELECT {table.selected} FROM {given}"
                f" WHERE {table.owners_exist(' FOR KEY SHARE')} ORDER BY {table.given}"
                f" ON CONFLICT ({table.key}) DO UPDATE SET {table.amount} = c.{table.amount} + EXCLUDED.{table.amount}",
                [*table.defaults, *_arrays(table, missing)],
            )


def _arrays(table: Table, rows: Rows) -> list[Any]:
    return [_array(values) for values in table.values(rows)]


def _array(values: list[Any]) -> Any:
    """An array; one of integers as its text, of which the driver makes a parameter at once, not value by value."""
    is_plain = set(map(type, values)) == {int}
    return f"{{{','.join(map(str, values))}}}" if is_plain else values


def _sqlite(table: Table, rows: Rows, connection: BaseDatabaseWrapper) -> None:
    names = [f"k{place}" for place in range(len(table.keys))] + ["a"]
    columns = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(names))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table.name} ({table.columns}) SELECT {table.selected} FROM"
            f" (SELECT {columns} FROM json_each(%s)) d"
            f" WHERE {table.row_exists()} OR ({table.owners_exist()}) ORDER BY {table.given}"
            f" ON CONFLICT ({table.key}) DO UPDATE SET {table.amount} ="
            f" {table.added(table.amount, f'excluded.{table.amount}')}",
            [*table.defaults, table.in_json(rows)],
        )


def _mysql(table: Table, rows: Rows, connection: BaseDatabaseWrapper) -> None:
    kinds = [_json_column(column, f"j.k{place}") for place, column in enumerate(table.keys)]
    keys = "".join(f"{key} AS k{place}, " for place, (_, key) in enumerate(kinds))
    columns = "".join(f"k{place} {kind} PATH '$[{place}]', " for place, (kind, _) in enumerate(kinds))
    given = f"(SELECT {keys}j.a FROM JSON_TABLE(%s, '$[*]' COLUMNS ({columns}a BIGINT PATH '$[{len(kinds)}]')) j) d"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table.name} ({table.columns}) SELECT {table.selected} FROM {given}"
            f" WHERE {table.row_exists(' FOR UPDATE')} OR ({table.owners_exist(' LOCK IN SHARE MODE')})"
            f" ORDER BY {table.given}"
            f" ON DUPLICATE KEY UPDATE {table.amount} = {table.name}.{table.amount} + VALUES({table.amount})",
            [*table.defaults, table.in_json(rows)],
        )


def _json_column(column: Column, key: str) -> tuple[str, str]:
    """The type that a key has in JSON_TABLE, and the key as its column's type."""
    kind = column.type.split(" AUTO_INCREMENT")[0]
    if kind == "uuid":
        return "CHAR(36)", f"CAST({key} AS uuid)"
    if "char" in kind or "text" in kind:  # compared as the column is, or byte by byte, as keys are
        return f"{kind} COLLATE {column.collation or 'utf8mb4_bin'}", key
    return kind, key


DIALECTS = {"postgresql": _postgresql, "sqlite": _sqlite, "mysql": _mysql}
