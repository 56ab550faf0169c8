"""MariaDB and MySQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import Error as DatabaseError
from django.db import InterfaceError, models
from django.db.backends.base.base import BaseDatabaseWrapper

from .base import DISK_FULL, MIGRATE, READ_ONLY, CountTable, Dialect, KeyColumn, Place, Sums, TextColumn

#: What a server calls itself, or the cluster that it belongs to; the first one that is there.
NAMES = ("wsrep_cluster_state_uuid", "group_replication_group_name", "server_uuid", "server_uid")

#: What tells servers apart that have no such name.
OTHERWISE = ("hostname", "port", "server_id")

#: Lock time-out, deadlock, a row newer than the transaction's snapshot (1020, MariaDB from 11.6 on); the server is not
#: there, is shutting down, went away, was lost; killed.
PASSING = {1205, 1213, 1020, 1053, 2002, 2003, 2006, 2013, 1927}

#: How the names of the collations end that compare bytes, and all of them: others forget spaces at the end.
EXACT = ("nopad_bin", "0900_bin")

#: What a trigger of the project raises.
RAISED = 1644


class MySQL(Dialect):
    """MariaDB and MySQL: JSON carries many values as one parameter."""

    advice = {
        **dict.fromkeys((1792, 1290, 1836), READ_ONLY),
        **dict.fromkeys((1021, 1114), DISK_FULL),
        **dict.fromkeys((1146, 1054), MIGRATE),
    }

    def along(
        self, connection: BaseDatabaseWrapper, model: type[models.Model], index: str
    ) -> AbstractContextManager[None]:
        """MariaDB 10.11 may read an index from the first row of a user on, though a condition says where to begin.

        Of a page in the middle of 60,000 rows that takes six times as long as from its place, and 60 times as long
        where the order is the other way round.
        """
        if not connection.mysql_is_mariadb:  # type: ignore[attr-defined]
            return nullcontext()
        table, name = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(index)

        def force(execute: Callable[..., Any], sql: str, *others: Any) -> Any:
            return execute(sql.replace(f"FROM {table}", f"FROM {table} FORCE INDEX ({name})", 1), *others)

        return connection.execute_wrapper(force)

    def key_collation(self, connection: BaseDatabaseWrapper) -> str:
        is_mariadb: bool = connection.mysql_is_mariadb  # type: ignore[attr-defined]
        return "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"

    def tells_keys_apart(self, collation: str) -> bool:
        return collation.endswith(EXACT)

    def text_columns(self, connection: BaseDatabaseWrapper, table: str) -> dict[str, TextColumn] | None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_name, character_set_name, collation_name FROM information_schema.columns"
                " WHERE table_schema = DATABASE() AND table_name = %s",
                [table],
            )
            found = cursor.fetchall()
        return {name: _text_column(charset, collation) for name, charset, collation in found if charset} or (
            {} if found else None
        )

    bytewise = " COLLATE utf8mb4_bin"

    def text(self, column: str) -> str:
        return f"CAST({column} AS CHAR)"

    def joined(self, texts: Sequence[str], separator: str) -> str:
        between = f", '{separator}', "
        return f"CONCAT({between.join(texts)})"

    def text_rows(self, names: Sequence[str]) -> str:
        columns = ", ".join(f"{name} VARCHAR(500) PATH '$[{place}]'" for place, name in enumerate(names))
        table = f"JSON_TABLE(%s, '$[*]' COLUMNS (nc_row FOR ORDINALITY, {columns})) nc_j"
        return f"SELECT nc_row - 1 AS nc_place, {', '.join(names)} FROM {table}"

    def piece(self, text: str, separator: str, place: int) -> str:
        return f"SUBSTRING_INDEX(SUBSTRING_INDEX({text}, '{separator}', {place + 1}), '{separator}', -1)"

    assigns_in_turn = True

    def integer_units(self, sql: str) -> str:
        return f"CAST({sql} AS SIGNED)"

    def decimal_units(self, sql: str, scale: int, places: int) -> str:
        return f"CAST({sql} * {scale} AS SIGNED)"

    def may_have_rolled_back(self, connection: BaseDatabaseWrapper) -> bool:
        """A deadlock rolls back everything, and the next statement begins another transaction.

        Django notes errors of statements until the next commit or rollback, but for those of constraints.
        """
        return connection.errors_occurred

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
                f" ON DUPLICATE KEY UPDATE {table.amount} = COALESCE({table.name}.{table.amount}, 0) + {table.given}",
                [*table.defaults, table.in_json(sums)],
            )

    def may_pass(self, error: DatabaseError) -> bool:
        return isinstance(error, InterfaceError) or (super().may_pass(error) and self.code(error) in PASSING)

    def blames_row(self, error: DatabaseError) -> bool:
        return super().blames_row(error) or self.code(error) == RAISED

    def code(self, error: DatabaseError) -> Any:
        number = error.args[0] if error.args else None
        return number if isinstance(number, int) else None

    def place(self, connection: BaseDatabaseWrapper, table: str) -> Place | None:
        """The server, or the cluster that it is a node of, and the database."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DATABASE(), COUNT(*) FROM information_schema.tables"
                " WHERE table_schema = DATABASE() AND table_name = %s",
                [table],
            )
            database, is_there = cursor.fetchone()
            if not is_there:
                return None
            names = ", ".join(f"'{name}'" for name in (*NAMES, *OTHERWISE))
            cursor.execute(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
            said = {name.lower(): value for name, value in cursor.fetchall()}
            cursor.execute(f"SHOW GLOBAL STATUS LIKE '{NAMES[0]}'")  # of a Galera cluster
            said |= {name.lower(): value for name, value in cursor.fetchall()}
        server = next((said[name] for name in NAMES if said.get(name)), None)
        return Place(f"server {server or [said.get(name) for name in OTHERWISE]}, database {database}")

    def statement_seconds(self, connection: BaseDatabaseWrapper) -> float | None:
        with connection.cursor() as cursor:
            cursor.execute("SHOW VARIABLES LIKE 'max_statement_time'")  # MariaDB's; MySQL has none for writes
            row = cursor.fetchone()
        return float(row[-1]) if row else None


def _text_column(charset: str, collation: str) -> TextColumn:
    return TextColumn("CONVERT(", f" USING {charset}) COLLATE {collation}", not collation.endswith(EXACT))


def _json_column(column: KeyColumn, key: str) -> tuple[str, str]:
    """The type that a key has in JSON_TABLE, and the key as its column's type."""
    kind = column.type.split(" AUTO_INCREMENT")[0]
    if kind == "uuid":
        return "CHAR(36)", f"CAST({key} AS uuid)"
    if "char" in kind or "text" in kind:  # compared as the column is, or byte by byte, as keys are
        return f"{kind} COLLATE {column.collation or 'utf8mb4_bin'}", key
    return kind, key
