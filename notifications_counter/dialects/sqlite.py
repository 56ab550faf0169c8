"""SQLite."""

from __future__ import annotations

from typing import Any

from django.db import Error as DatabaseError
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from .base import DISK_FULL, CountTable, Dialect, Sums


class SQLite(Dialect):
    """SQLite: JSON carries many values as one parameter; there are no row locks, and no codes of failures."""

    advice = {
        "attempt to write a readonly database": "It is read-only: make it writable.",
        "database or disk is full": DISK_FULL,
    }

    #: It keeps floating-point numbers.
    decimal_digits = 15

    def integer_units(self, sql: str) -> str:
        return f"CAST({sql} AS INTEGER)"  # any number may be in there

    def decimal_units(self, sql: str, scale: int, places: int) -> str:
        # Nothing rounds what an expression has written to the places of its column.
        return f"CAST(ROUND(ROUND({sql}, {places}) * {scale}) AS INTEGER)"

    def decimal(self, sql: str, scale: int, unit: str) -> str:
        return f"({sql} / {scale}.0)"

    def decimal_sum(self, sql: str, places: int) -> str:
        return f"ROUND({sql}, {places})"

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

    def may_pass(self, error: DatabaseError) -> bool:
        return super().may_pass(error) and "locked" in str(error)


def _grouping(table: CountTable, parts: list[str]) -> str:
    """Keys that are equal by the collations of the table's columns have one row, and one sum."""
    if not any(column.collation for column in table.keys):
        return ""
    keys = zip(table.keys, parts, strict=False)
    return " GROUP BY " + ", ".join(
        f'{part} COLLATE "{column.collation}"' if column.collation else part for column, part in keys
    )
