"""PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from .base import DISK_FULL, MIGRATE, READ_ONLY, CountTable, Dialect, Place, Sums, TextColumn

#: What libpq says of a statement that has been carried out and returns no rows; and the field of an error's SQLSTATE.
DONE, SQLSTATE = 1, ord("C")

#: The status of a transaction that the server has begun, and of one in which a statement has failed, in every version
#: of the driver.
BEGUN, IN_ERROR = 2, 3

#: SQLSTATE codes: serialization failure, deadlock, lock time-out, and a transaction that was ended because nothing
#: happened in it; and classes: connection lost, shut down by an admin.
PASSING = ("40001", "40P01", "55P03", "25P03", "08", "57P")

#: What a trigger of the project raises.
RAISED = "P0001"


class PostgreSQL(Dialect):
    """PostgreSQL: arrays carry many values as one parameter, and a statement can return what it has deleted."""

    has_fill_factor = True
    can_listen = find_spec("psycopg") is not None  # Django prefers it to its predecessor
    bytewise = ' COLLATE "C"'
    advice = {"25006": READ_ONLY, "53100": DISK_FULL, "42P01": MIGRATE, "42703": MIGRATE}

    def rolls_back_commits(self, connection: BaseDatabaseWrapper) -> bool:
        """PostgreSQL answers COMMIT with ROLLBACK then, and the driver takes that for success."""
        driver = connection.connection
        libpq = getattr(driver, "pgconn", None)  # psycopg 3, whose info takes longer than the question
        if libpq is not None:
            return bool(libpq.transaction_status == IN_ERROR)
        return driver is not None and not driver.closed and driver.info.transaction_status == IN_ERROR

    def publish(self, connection: BaseDatabaseWrapper, channel: str, message: str) -> None:
        """In a transaction of its own: a notification makes commits wait for each other."""
        if connection.get_autocommit() and not connection.in_atomic_block:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", [channel, message])

    def listen(self, connection: BaseDatabaseWrapper, channel: str, receiver: Callable[[str], object]) -> None:
        """With psycopg 3, which calls a handler while it reads whatever answer."""
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {connection.ops.quote_name(channel)}")
        connection.connection.add_notify_handler(lambda notification: receiver(notification.payload))

    def key_collation(self, connection: BaseDatabaseWrapper) -> str:
        return "C"  # in which an index finds the keys that begin alike

    def text_columns(self, connection: BaseDatabaseWrapper, table: str) -> dict[str, TextColumn] | None:
        """The types citext and character, and nondeterministic collations, call different texts equal."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT a.attname, COALESCE(b.typname, t.typname), format_type(a.atttypid, a.atttypmod), COALESCE("
                "quote_ident(n.nspname) || '.' || quote_ident(c.collname), ''), COALESCE(c.collisdeterministic, true)"
                " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype"
                " LEFT JOIN pg_collation c ON c.oid = a.attcollation"
                " LEFT JOIN pg_namespace n ON n.oid = c.collnamespace"
                " WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped",
                [connection.ops.quote_name(table)],
            )
            found = cursor.fetchall()
        return {name: _text_column(*rest) for name, *rest in found if rest[2]} or ({} if found else None)

    def text_rows(self, names: Sequence[str]) -> str:
        columns = ", ".join(f"nc_j ->> {place} AS {name}" for place, name in enumerate(names))
        rows = "json_array_elements(%s::json) WITH ORDINALITY AS nc_rows(nc_j, nc_row)"
        return f"SELECT nc_row - 1 AS nc_place, {columns} FROM {rows}"

    def piece(self, text: str, separator: str, place: int) -> str:
        return f"SPLIT_PART({text}, '{separator}', {place + 1})"

    def execute(self, connection: BaseDatabaseWrapper, statement: str, parameters: Sequence[Any] = ()) -> None:
        """By psycopg's libpq, where no value is to be adapted: a cursor takes it as long as a short statement.

        Only a cursor sends the ``BEGIN`` that psycopg leaves to the first statement of a transaction.
        """
        libpq = getattr(connection.connection, "pgconn", None)
        if libpq is None or libpq.transaction_status != BEGUN or parameters or _is_watched(connection):
            return super().execute(connection, statement, parameters)
        with connection.wrap_database_errors:
            result = libpq.exec_(statement.encode())
            if result.status != DONE:
                raise _error(connection, result)

    def insert_deltas(
        self,
        connection: BaseDatabaseWrapper,
        table: str,
        label: str,
        sums: Mapping[str, int | None],
        declaration: str | None,
    ) -> None:
        """By two arrays, given as text, of which the driver makes parameters at once, not value by value."""
        if len(sums) == 1:  # most often: planned faster without arrays
            rows = [(label, key, amount, declaration) for key, amount in sums.items()]
            return self.insert_few_deltas(connection, table, rows)
        # In quotes nothing else than a quote and a backslash means anything.
        keys = '","'.join(key.replace("\\", "\\\\").replace('"', '\\"') for key in sums)
        amounts = ",".join("NULL" if amount is None else str(amount) for amount in sums.values())
        statement = (
            f'INSERT INTO "{table}" (counter, declaration, key, amount)'
            " SELECT %s, %s, d.key, d.amount FROM unnest(%s::text[], %s::bigint[]) AS d(key, amount)"
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [label, declaration, f'{{"{keys}"}}', f"{{{amounts}}}"])

    inserts_for_each = True

    def insert_for_each(
        self,
        connection: BaseDatabaseWrapper,
        instance: models.Model,
        field: models.Field[Any, Any],
        values: Sequence[Any],
    ) -> list[Any]:
        """One array of what differs; what they have in common is said once, and nothing is adapted row by row."""
        meta, quote = instance._meta, connection.ops.quote_name
        others = [
            one
            for one in meta.local_concrete_fields
            if one is not field and not one.generated and getattr(instance, one.attname) is not None
        ]
        common = [one.get_db_prep_save(one.pre_save(instance, add=True), connection) for one in others]
        columns = ", ".join(quote(one.column or "") for one in [*others, field])
        constants = "".join(f"%s::{one.rel_db_type(connection)}, " for one in others)
        returned = ", ".join(quote(one.column or "") for one in meta.pk_fields)
        # The rows are inserted, and their keys made, in the order in which they are selected.
        statement = (
            f"INSERT INTO {quote(meta.db_table)} ({columns})"
            f" SELECT {constants}d.one FROM unnest(%s::{field.rel_db_type(connection)}[])"
            f" WITH ORDINALITY AS d(one, place) ORDER BY d.place RETURNING {returned}"
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [*common, _array(values)])
            found = cursor.fetchall()
        return [row[0] for row in found] if len(meta.pk_fields) == 1 else found

    def pop_deltas(
        self, deltas: models.QuerySet[Any], label: str, keys: Sequence[str], last: int, declaration: str | None
    ) -> dict[str, tuple[int, int]]:
        """By the one statement that both deletes rows and sums up those that it has deleted."""
        statement = (
            f'WITH popped AS (DELETE FROM "{deltas.model._meta.db_table}" WHERE counter = %s'
            " AND key BETWEEN %s AND %s AND key = ANY(%s)"
            " AND id <= %s AND amount IS NOT NULL"
            " AND (declaration IS NULL OR declaration = COALESCE(%s, declaration)) RETURNING key, amount)"
            " SELECT key, SUM(amount)::bigint, COUNT(*) FROM popped GROUP BY key"
        )
        with connections[deltas.db].cursor() as cursor:
            cursor.execute(statement, [label, keys[0], keys[-1], list(keys), last, declaration])
            return {key: (total, number) for key, total, number in cursor.fetchall()}

    def add_sums(self, connection: BaseDatabaseWrapper, table: CountTable, sums: Sums) -> None:
        names = ", ".join(f"k{place}" for place in range(len(table.keys)))
        arrays = "".join(f"%s::{column.type}[], " for column in table.keys)
        given = f"unnest({arrays}%s::bigint[]) WITH ORDINALITY AS d({names}, a, place)"
        with connection.cursor() as cursor:
            # Row by row in the order of the rows, which is that of the keys, so that no circle of locks arises; other
            # joins have orders of their own, and read the whole table.
            cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
            sums = _grouped(cursor, table, sums)
            cursor.execute(
                f"UPDATE {table.name} c SET {table.amount} = COALESCE(c.{table.amount}, 0) + {table.given}"
                f" FROM {given} WHERE {table.is_same} RETURNING d.place",
                _columns(table, sums),
            )
            if cursor.rowcount < len(sums):
                found = {place for (place,) in cursor.fetchall()}
                missing = [row for place, row in enumerate(sums, start=1) if place not in found]
                cursor.execute(
                    # Locked, so that nobody deletes the owner before this commits; other changes of it go on.
                    f"INSERT INTO {table.name} AS c ({table.columns}) SELECT {table.new_row}"
                    f" FROM {given} WHERE {table.owners_exist(' FOR KEY SHARE')} ORDER BY {table.given_key}"
                    f" ON CONFLICT ({table.key}) DO UPDATE"
                    f" SET {table.amount} = COALESCE(c.{table.amount}, 0) + EXCLUDED.{table.amount}",
                    [*table.defaults, *_columns(table, missing)],
                )

    def decimal_units(self, sql: str, scale: int, places: int) -> str:
        return f"(NULLIF({sql}, 'NaN') * {scale})::bigint"  # kept among the numbers, and none

    def may_pass(self, error: DatabaseError) -> bool:
        code = self.code(error)  # a connection that breaks gives none
        return super().may_pass(error) if code is None else str(code).startswith(PASSING)

    def blames_row(self, error: DatabaseError) -> bool:
        return super().blames_row(error) or self.code(error) == RAISED

    def code(self, error: DatabaseError) -> Any:
        cause = error.__cause__  # psycopg's, or that of its predecessor
        return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)

    def place(self, connection: BaseDatabaseWrapper, table: str) -> Place | None:
        """The cluster, the database and the table: a standby has the same, whatever was restored or cloned has not."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),"
                " to_regclass(%s)::oid::bigint,"
                " (SELECT COUNT(*) FROM pg_class WHERE relname = %s AND relkind IN ('r', 'p')),"
                # Asked for first: a refusal would end the transaction.
                " has_function_privilege(to_regprocedure('pg_control_system()'), 'EXECUTE')",
                [table, table],
            )
            database, own, schemas, may_ask = cursor.fetchone()
            if own is None:
                return None
            system = None
            if may_ask:
                cursor.execute("SELECT system_identifier FROM pg_control_system()")
                system = cursor.fetchone()[0]
        return Place(f"cluster {system}, database {database}, table {own}", schemas)

    def schema(self, connection: BaseDatabaseWrapper, table: str) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)::oid::bigint", [table])
            return cursor.fetchone()[0]

    def statement_seconds(self, connection: BaseDatabaseWrapper) -> float | None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT setting::bigint / 1000.0 FROM pg_settings WHERE name = 'statement_timeout'")
            return float(cursor.fetchone()[0])


def _text_column(base: str, kind: str, collation: str, is_deterministic: bool) -> TextColumn:
    is_loose = base in ("citext", "bpchar") or not is_deterministic
    return TextColumn("CAST(", f" AS {kind}) COLLATE {collation}", is_loose)


def _grouped(cursor: Any, table: CountTable, sums: Sums) -> Sums:
    """The sums of keys that are equal by the collations of the table's columns, as one: they have one row."""
    if len(sums) < 2 or not any(column.is_loose for column in table.keys):
        return sums
    names = [f"k{place}" for place in range(len(table.keys))]
    arrays = "".join(f"%s::{column.type}[], " for column in table.keys)
    same = ", ".join(column.same(name) for name, column in zip(names, table.keys, strict=True))
    least = ", ".join(f"(array_agg({name}))[1]" for name in names)
    cursor.execute(
        f"SELECT {least}, SUM(a)::bigint FROM unnest({arrays}%s::bigint[]) AS d({', '.join(names)}, a)"
        f" GROUP BY {same} ORDER BY 1",
        _columns(table, sums),
    )
    return [(key if len(names) > 1 else key[0], amount) for *key, amount in cursor.fetchall()]


def _columns(table: CountTable, sums: Sums) -> list[Any]:
    return [_array(values) for values in table.values(sums)]


def _array(values: Sequence[Any]) -> Any:
    """An array; one of integers as its text, of which the driver makes a parameter at once, not value by value."""
    is_plain = set(map(type, values)) == {int}
    return f"{{{','.join(map(str, values))}}}" if is_plain else list(values)


def _is_watched(connection: BaseDatabaseWrapper) -> bool:
    """Whether somebody wants to see statements, or there is something to be said against one."""
    watches = connection.queries_logged or connection.execute_wrappers or "cursor" in vars(connection)
    return bool(watches or connection.needs_rollback)


def _error(connection: BaseDatabaseWrapper, result: Any) -> Exception:
    """What psycopg's cursors raise of a statement that has failed."""
    driver: Any = connection.Database  # type: ignore[attr-defined]
    state = (result.error_field(SQLSTATE) or b"").decode()
    try:
        kind = driver.errors.lookup(state)
    except KeyError:  # there was no answer
        kind = driver.OperationalError
    return kind(result.error_message.decode(errors="replace"))  # type: ignore[no-any-return]
