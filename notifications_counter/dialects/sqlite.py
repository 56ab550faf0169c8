"""SQLite."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from .base import DISK_FULL, MIGRATE, CountTable, Dialect, Place, Sums, TextColumn

#: Tells the databases in the memory of this process, and of those that it forks, from all others.
PROCESS = uuid.uuid4().hex

#: Text that SQLite takes for a number where it is compared with a column of numbers.
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.ASCII | re.IGNORECASE)


#: The collation of a column in the statement that has created its table.
COLLATE = r"""[\s,("`\[]{}["`\]]?\s[^,]*?\bCOLLATE\s+["'`\[]?(\w+)"""


class SQLite(Dialect):
    """SQLite: JSON carries many values as one parameter; there are no row locks, and no codes of failures."""

    advice = {
        "attempt to write a readonly database": "It is read-only: make it writable.",
        "database or disk is full": DISK_FULL,
        "no such table": MIGRATE,
        "no such column": MIGRATE,
        "has no column named": MIGRATE,
    }

    def operand(self, literal: str, value: Any, column_type: str) -> str:
        # Only a column of a table has an affinity. Django gives decimals as text, which no number equals without one.
        affinity = _affinity(column_type.upper())
        if affinity == "NUMERIC" and isinstance(value, str | Decimal) and NUMBER.fullmatch(str(value)):
            return f"CAST({literal} AS NUMERIC)"
        if affinity == "TEXT" and isinstance(value, int | float):
            return f"CAST({literal} AS TEXT)"
        return literal

    #: It keeps floating-point numbers.
    decimal_digits = 15

    def tells_keys_apart(self, collation: str) -> bool:
        return collation.upper() not in ("NOCASE", "RTRIM")

    def text_columns(self, connection: BaseDatabaseWrapper, table: str) -> dict[str, TextColumn] | None:
        """As the table was created: SQLite tells the collations of indexes alone."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = %s", [table])
            created = cursor.fetchone()
            if created is None:
                return None
            cursor.execute("SELECT name FROM pragma_table_info(%s)", [table])
            names = [name for (name,) in cursor.fetchall()]
        return {name: _text_column(name, created[0]) for name in names}

    def text_rows(self, names: Sequence[str]) -> str:
        columns = (f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(names))
        return f"SELECT key AS nc_place, {', '.join(columns)} FROM json_each(%s)"

    def integer_units(self, sql: str) -> str:
        return f"CAST({sql} AS INTEGER)"  # any number may be in there

    def decimal_units(self, sql: str, scale: int, places: int) -> str:
        # Nothing rounds what an expression has written to the places of its column.
        return f"CAST(ROUND(ROUND({sql}, {places}) * {scale}) AS INTEGER)"

    def decimal(self, sql: str, scale: int, unit: str) -> str:
        return f"({sql} / {scale}.0)"

    def decimal_sum(self, sql: str, places: int) -> str:
        return f"ROUND({sql}, {places})"

    def may_have_rolled_back(self, connection: BaseDatabaseWrapper) -> bool:
        """By a trigger's RAISE(ROLLBACK), ON CONFLICT ROLLBACK, a full disk; what followed was committed by itself."""
        return connection.connection is not None and not connection.connection.in_transaction

    def lock(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        # An update, even one of no rows, takes the write lock of the database before anything is read.
        connection, meta = connections[rows.db], (rows.model._meta.concrete_model or rows.model)._meta
        quote = connection.ops.quote_name
        column = quote(meta.local_concrete_fields[0].column or "")
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {quote(meta.db_table)} SET {column} = {column} WHERE 1 = 0")
        return rows

    def add_sums(self, connection: BaseDatabaseWrapper, table: CountTable, sums: Sums) -> None:
        names = [*(f"k{place}" for place in range(len(table.keys))), "a"]
        parts = [f"json_extract(value, '$[{place}]')" for place in range(len(names))]
        same = _grouping(table, parts)
        if same:
            parts[-1] = f"SUM({parts[-1]})"
        given = ", ".join(f"{part} AS {name}" for part, name in zip(parts, names, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table.name} ({table.columns})"
                # The whole count and not what is added to it, which a constraint on counts might refuse; nobody else
                # can write to the database meanwhile.
                f" SELECT {table.new_count} FROM (SELECT {given} FROM json_each(%s){same}) d"
                f" LEFT JOIN {table.name} c ON {table.is_same}"
                f" WHERE {table.row_exists()} OR {table.owners_exist()} ORDER BY {table.given_key}"
                f" ON CONFLICT ({table.key}) DO UPDATE SET {table.amount} = excluded.{table.amount}",
                [*table.defaults, table.in_json(sums)],
            )

    def place(self, connection: BaseDatabaseWrapper, table: str) -> Place | None:
        """The file: its path, and which file it is, or the process in whose memory it is."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = %s", [table])
            if cursor.fetchone() is None:
                return None
            cursor.execute("PRAGMA database_list")
            path = next(path for _, name, path in cursor.fetchall() if name == "main")
        if not path:
            return Place(f"memory of {PROCESS} {os.getpid()}, {connection.settings_dict['NAME']}")
        try:
            return Place(f"file {os.path.realpath(path)}, {_file_system(path)} {os.stat(path).st_ino}")
        except OSError:  # removed, while it is open
            return Place(f"file {path}")

    def may_pass(self, error: DatabaseError) -> bool:
        return super().may_pass(error) and "locked" in str(error)


def _text_column(name: str, created: str) -> TextColumn:
    found = re.search(COLLATE.format(re.escape(name)), created, re.IGNORECASE)
    collation = found[1] if found else "BINARY"
    return TextColumn("", f' COLLATE "{collation}"', collation.upper() != "BINARY")


def _grouping(table: CountTable, parts: list[str]) -> str:
    """Keys that are equal by the collations of the table's columns have one row, and one sum."""
    if not any(column.is_loose for column in table.keys):
        return ""
    return " GROUP BY " + ", ".join(column.same(part) for column, part in zip(table.keys, parts, strict=False))


def _file_system(path: str) -> int:
    """The number of a file's file system: where there is none of its own, that of the device, which may change."""
    own = os.statvfs(path).f_fsid if hasattr(os, "statvfs") else 0
    return own or os.stat(path).st_dev


def _affinity(column_type: str) -> str:
    """How a column of a type converts what it is compared with."""
    if "INT" in column_type:
        return "NUMERIC"
    if any(part in column_type for part in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    return "" if not column_type or "BLOB" in column_type else "NUMERIC"
