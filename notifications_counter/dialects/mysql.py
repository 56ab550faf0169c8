"""MariaDB and MySQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import Error as DatabaseError
from django.db import InterfaceError
from django.db.backends.base.base import BaseDatabaseWrapper

from .base import DISK_FULL, READ_ONLY, CountTable, Dialect, KeyColumn, Sums

#: Lock time-out, deadlock; the server is not there, is shutting down, went away, was lost; killed.
PASSING = {1205, 1213, 1053, 2002, 2003, 2006, 2013, 1927}

#: What a trigger of the project raises.
RAISED = 1644


class MySQL(Dialect):
    """MariaDB and MySQL: JSON carries many values as one parameter."""

    advice = {1792: READ_ONLY, 1290: READ_ONLY, 1836: READ_ONLY, 1021: DISK_FULL, 1114: DISK_FULL}

    def key_collation(self, connection: BaseDatabaseWrapper) -> str:
        is_mariadb: bool = connection.mysql_is_mariadb  # type: ignore[attr-defined]
        return "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"

    def tells_keys_apart(self, collation: str) -> bool:
        return collation.endswith("_bin")

    bytewise = " COLLATE utf8mb4_bin"

    def text(self, column: str) -> str:
        return f"CAST({column} AS CHAR)"

    def joined(self, texts: Sequence[str], separator: str) -> str:
        between = f", '{separator}', "
        return f"CONCAT({between.join(texts)})"

    def integer_units(self, sql: str) -> str:
        return f"CAST({sql} AS SIGNED)"

    def decimal_units(self, sql: str, scale: int, places: int) -> str:
        return f"CAST({sql} * {scale} AS SIGNED)"

    def add_sums(self, connection: BaseDatabaseWrapper, table: CountTable, sums: Sums) -> None:
        kinds = [_json_column(column, f"j.k{place}") for place, column in enumerate(table.keys)]
        keys = "".join(f"{key} AS k{place}, " for place, (_, key) in enumerate(kinds))
        columns = "".join(f"k{place} {kind} PATH '$[{place}]', " for place, (kind, _) in enumerate(kinds))
        given = f"(SELECT {keys}j.a FROM JSON_TABLE(%s, '$[*]' COLUMNS ({columns}a BIGINT PATH '$[{len(kinds)}]')) j) d"
        with connection.cursor() as cursor:
            cursor.execute(
                # The whole count and not what is added to it, which a constraint on counts might refuse.
                f"INSERT INTO {table.name} ({table.columns}) SELECT {table.new_count} FROM {given}"
                f" LEFT JOIN {table.name} c ON {table.is_same}"
                f" WHERE {table.row_exists(' FOR UPDATE')} OR {table.owners_exist(' LOCK IN SHARE MODE')}"
                f" ORDER BY {table.given_key}"
                f" ON DUPLICATE KEY UPDATE {table.amount} = {table.name}.{table.amount} + {table.given}",
                [*table.defaults, table.in_json(sums)],
            )

    def may_pass(self, error: DatabaseError) -> bool:
        return isinstance(error, InterfaceError) or (super().may_pass(error) and self.code(error) in PASSING)

    def blames_row(self, error: DatabaseError) -> bool:
        return super().blames_row(error) or self.code(error) == RAISED

    def code(self, error: DatabaseError) -> Any:
        number = error.args[0] if error.args else None
        return number if isinstance(number, int) else None

    def statement_seconds(self, connection: BaseDatabaseWrapper) -> float | None:
        with connection.cursor() as cursor:
            cursor.execute("SHOW VARIABLES LIKE 'max_statement_time'")  # MariaDB's; MySQL has none for writes
            row = cursor.fetchone()
        return float(row[-1]) if row else None


def _json_column(column: KeyColumn, key: str) -> tuple[str, str]:
    """The type that a key has in JSON_TABLE, and the key as its column's type."""
    kind = column.type.split(" AUTO_INCREMENT")[0]
    if kind == "uuid":
        return "CHAR(36)", f"CAST({key} AS uuid)"
    if "char" in kind or "text" in kind:  # compared as the column is, or byte by byte, as keys are
        return f"{kind} COLLATE {column.collation or 'utf8mb4_bin'}", key
    return kind, key
