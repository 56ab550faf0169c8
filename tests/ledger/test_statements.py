"""Small statements go past a cursor where they may, and are otherwise like any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from notifications_counter.dialects import dialect_of
from notifications_counter.ledger import deltas
from notifications_counter.ledger.tables import Delta
from tests.support.base import CounterTestCase

MISSING = "INSERT INTO no_such_table (n) VALUES (1)"


class SmallStatementTest(CounterTestCase):
    def insert(self, key: str) -> None:
        deltas.insert(connection, "no.counter", {key: 1}, None)

    def keys(self) -> list[str]:
        return list(Delta.objects.filter(counter="no.counter").order_by("id").values_list("key", flat=True))

    def tearDown(self) -> None:
        Delta.objects.filter(counter="no.counter").delete()
        super().tearDown()

    def test_what_a_rollback_undoes_is_undone(self) -> None:
        with transaction.atomic():
            self.insert("1")
            transaction.set_rollback(True)
        with transaction.atomic():
            self.insert("2")
        self.insert("3")
        self.assertEqual(self.keys(), ["2", "3"])

    def test_a_key_that_must_be_quoted_arrives_as_it_is(self) -> None:
        keys = ["o'hara", "50%", "%s", 'a"b', "\\", "größe", "a b"]
        with transaction.atomic():
            for key in keys:
                self.insert(key)
        self.assertEqual(self.keys(), keys)

    def test_a_failure_is_the_one_that_a_cursor_raises_and_ends_the_transaction(self) -> None:
        found = []
        for run in (self.by_dialect, self.by_cursor):
            with self.assertRaises(DatabaseError) as failed, transaction.atomic():
                run(MISSING)
            found.append((type(failed.exception), getattr(failed.exception.__cause__, "sqlstate", None)))
            self.assertIn("no_such_table", str(failed.exception))
        self.assertEqual(*found)
        if connection.vendor == "postgresql":
            self.assertEqual(found[0][0], ProgrammingError)
        self.insert("1")
        self.assertEqual(self.keys(), ["1"])

    def test_a_lost_connection_is_said_as_such(self) -> None:
        if connection.vendor != "postgresql":
            self.skipTest("other databases always use a cursor")
        with self.assertRaises(DatabaseError), transaction.atomic():
            connection.connection.pgconn.finish()
            self.insert("1")
        connection.close()
        self.insert("2")
        self.assertEqual(self.keys(), ["2"])

    def test_whoever_watches_statements_sees_them(self) -> None:
        seen: list[str] = []

        def watch(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            seen.append(sql)
            return execute(sql, *rest)

        with transaction.atomic():
            with connection.execute_wrapper(watch):
                self.insert("1")
            with CaptureQueriesContext(connection) as captured:
                self.insert("2")
        self.assertEqual(len(seen), 1)
        self.assertEqual(len(captured), 1)

    def test_a_block_that_must_be_rolled_back_takes_no_statement(self) -> None:
        with transaction.atomic():
            transaction.set_rollback(True)
            with self.assertRaises(TransactionManagementError):
                self.insert("1")
        self.assertEqual(self.keys(), [])

    def by_dialect(self, statement: str) -> None:
        dialect_of(connection).execute(connection, statement)

    def by_cursor(self, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
