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
    """The quoted names of the count model's table, and of the table that its primary key refers to."""

    def __init__(self, store: CounterStore) -> None:
        connection, meta = store.connection, store.counter.model._meta
        self.quote = connection.ops.quote_name
        self.name = self.quote(meta.db_table)
        self.pk = self.quote(meta.pk.column or "")
        self.pk_type = meta.pk.db_type(connection)
        self.pk_collation = collation_of(meta.pk, connection)
        self.amount = self.quote(store.counter.field.column or "")
        self._amounts, self._vendor = store.counter.amounts, connection.vendor
        others = [field for field in meta.concrete_fields if field not in (meta.pk, store.counter.field)]
        self.others = [self.quote(field.column or "") for field in others]
        self.defaults = [field.get_db_prep_save(field.get_default(), connection) for field in others]
        self.owner = self._owner(meta.pk)

    def _owner(self, pk: models.Field[Any, Any]) -> tuple[str, str] | None:
        if pk.remote_field is None:
            return None
        target: models.Field[Any, Any] = pk.target_field  # type: ignore[attr-defined]
        return self.quote(target.model._meta.db_table), self.quote(target.column or "")

    @property
    def columns(self) -> str:
        return ", ".join([self.pk, self.amount, *self.others])

    def given(self, column: str) -> str:
        """A sum that is to be added, as the count field takes it."""
        return self._amounts.stored_amount(column, self._vendor)

    def added(self, one: str, other: str) -> str:
        """The new count."""
        return self._amounts.stored_sum(f"{one} + {other}", self._vendor)

    @property
    def default_places(self) -> str:
        return "".join(", %s" for _ in self.defaults)

    def owner_exists(self, lock: str = "") -> str:
        """The condition that a new row of ``d`` may be inserted."""
        if self.owner is None:
            return "TRUE"
        table, column = self.owner
        return f"EXISTS (SELECT 1 FROM {table} o WHERE o.{column} = d.k{lock})"

    def row_exists(self, lock: str = "") -> str:
        return f"EXISTS (SELECT 1 FROM {self.name} c WHERE c.{self.pk} = d.k{lock})"


def _postgresql(table: Table, rows: Rows, connection: BaseDatabaseWrapper) -> None:
    given = f"unnest(%s::{table.pk_type}[], %s::bigint[]) AS d(k, a)"
    with connection.cursor() as cursor:
        # Row by row in the order of the rows, which is that of the keys, so that nobody waits for us in a circle; other
        # joins have orders of their own, and read the whole table.
        cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
        cursor.execute(
            f"UPDATE {table.name} c SET {table.amount} = c.{table.amount} + {table.given('d.a')}"
            f" FROM {given} WHERE c.{table.pk} = d.k RETURNING c.{table.pk}",
            _columns(rows),
        )
        if cursor.rowcount < len(rows):
            found = {pk for (pk,) in cursor.fetchall()}
            missing = [row for row in rows if row[0] not in found]
            cursor.execute(
                # Locked, so that nobody deletes the owner before this commits; other changes of it go on.
                f"INSERT INTO {table.name} AS c ({table.columns})"
                f" SELECT d.k, {table.given('d.a')}{table.default_places} FROM {given}"
                f" WHERE {table.owner_exists(' FOR KEY SHARE')} ORDER BY d.k"
                f" ON CONFLICT ({table.pk}) DO UPDATE SET {table.amount} = c.{table.amount} + EXCLUDED.{table.amount}",
                [*table.defaults, *_columns(missing)],
            )


def _columns(rows: Rows) -> list[Any]:
    return [_array([pk for pk, _ in rows]), _array([amount for _, amount in rows])]


def _array(values: list[Any]) -> Any:
    """An array; one of integers as its text, of which the driver makes a parameter at once, not value by value."""
    is_plain = set(map(type, values)) == {int}
    return f"{{{','.join(map(str, values))}}}" if is_plain else values


def _sqlite(table: Table, rows: Rows, connection: BaseDatabaseWrapper) -> None:
    given = "(SELECT json_extract(value, '$[0]') AS k, json_extract(value, '$[1]') AS a FROM json_each(%s)) d"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table.name} ({table.columns})"
            f" SELECT d.k, {table.given('d.a')}{table.default_places} FROM {given}"
            f" WHERE {table.row_exists()} OR {table.owner_exists()} ORDER BY d.k"
            f" ON CONFLICT ({table.pk}) DO UPDATE SET {table.amount} ="
            f" {table.added(table.amount, f'excluded.{table.amount}')}",
            [*table.defaults, json.dumps(rows)],
        )


def _mysql(table: Table, rows: Rows, connection: BaseDatabaseWrapper) -> None:
    in_json, key = _json_column(str(table.pk_type), table.pk_collation)
    given = (
        f"(SELECT {key} AS k, j.a FROM"
        f" JSON_TABLE(%s, '$[*]' COLUMNS (k {in_json} PATH '$[0]', a BIGINT PATH '$[1]')) j) d"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table.name} ({table.columns})"
            f" SELECT d.k, {table.given('d.a')}{table.default_places} FROM {given}"
            f" WHERE {table.row_exists(' FOR UPDATE')} OR {table.owner_exists(' LOCK IN SHARE MODE')} ORDER BY d.k"
            f" ON DUPLICATE KEY UPDATE {table.amount} = {table.name}.{table.amount} + VALUES({table.amount})",
            [*table.defaults, json.dumps(rows, default=str)],
        )


def _json_column(pk_type: str, collation: str) -> tuple[str, str]:
    """The type that a key has in JSON_TABLE, and the key as the primary key's type."""
    kind = pk_type.split(" AUTO_INCREMENT")[0]
    if kind == "uuid":
        return "CHAR(36)", "CAST(j.k AS uuid)"
    if "char" in kind or "text" in kind:  # compared as the column is, or byte by byte, as keys are
        return f"{kind} COLLATE {collation or 'utf8mb4_bin'}", "j.k"
    return kind, "j.k"


DIALECTS = {"postgresql": _postgresql, "sqlite": _sqlite, "mysql": _mysql}
