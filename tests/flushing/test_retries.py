"""What a flush does when the database fails: again where that passes, else it stops, says why, and loses nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from typing import Any

from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from notifications_counter.exceptions import CounterError, DatabaseFailed
from notifications_counter.ledger.tables import Progress
from notifications_counter.models import Notification, UserNotificationsCount
from tests.support.base import CounterTestCase, counter, notify, uses_redis


def only_on(*vendors: str) -> Callable[[Any], Any]:
    """A test of what only these databases do."""

    def decorate(test: Any) -> Any:
        def run(self: Any) -> None:
            if connection.vendor not in vendors:
                self.skipTest(f"{connection.vendor} has none of this")
            test(self)

        run.__name__ = test.__name__
        return run

    return decorate


class DatabaseFailureTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = sorted(self.make_users(2), key=lambda user: user.pk)
        for user in self.users:
            notify(user)
        counter.flush()
        for user in self.users:
            notify(user)

    def flush_in_thread(self, *statements: str) -> Future[Any]:
        """Flush on a connection of its own, whose session is prepared by statements."""
        self.ready = threading.Event()

        def flush() -> Any:
            try:
                with connection.cursor() as cursor:
                    for statement in statements:
                        cursor.execute(statement)
                    cursor.execute(self.own_id())
                    self.flusher = cursor.fetchone()[0]
                self.ready.set()
                return counter.flush()
            finally:
                connections.close_all()

        executor = ThreadPoolExecutor(1)
        self.addCleanup(executor.shutdown)
        return executor.submit(flush)

    def own_id(self) -> str:
        ids = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()", "sqlite": "SELECT 1"}
        return ids[connection.vendor]

    @contextmanager
    def locked(self, place: int) -> Iterator[None]:
        """Holding the lock of one user's count."""
        with transaction.atomic():
            self.lock(place)
            yield

    def lock(self, place: int) -> None:
        list(UserNotificationsCount.objects.select_for_update().filter(pk=self.users[place].pk))

    def wait_until_it_waits(self) -> None:
        self.assertTrue(self.ready.wait(10))
        time.sleep(0.4)

    def assert_all_stored(self) -> None:
        self.assert_exact(self.users)
        self.assert_stored_exact(self.users)


class PassingFailureTest(DatabaseFailureTestCase):
    """The flush tries again."""

    @only_on("postgresql", "mysql")
    def test_a_flush_that_is_the_victim_of_a_deadlock_applies_everything(self) -> None:
        statements = ["SET deadlock_timeout = '700ms'"] if connection.vendor == "postgresql" else []
        with self.assertLogs("notifications_counter", "WARNING") as logs:
            with self.locked(1):
                self.make_this_the_survivor()
                flushing = self.flush_in_thread(*statements)
                self.wait_until_it_waits()
                self.lock(0)
            self.assertTrue(flushing.result(30).ok)
        self.assertIn("eadlock", logs.output[0])
        self.assert_all_stored()

    def make_this_the_survivor(self) -> None:
        if connection.vendor == "postgresql":
            connection.cursor().execute("SET LOCAL deadlock_timeout = '60s'")
        else:  # the victim is the one that has changed fewer rows
            UserNotificationsCount.objects.bulk_create([UserNotificationsCount(pk=10**6 + n) for n in range(200)])

    def tearDown(self) -> None:
        UserNotificationsCount.objects.filter(pk__gte=10**6).delete()

    @only_on("postgresql")
    def test_a_serialization_failure_is_tried_again(self) -> None:
        with self.assertLogs("notifications_counter", "WARNING") as logs:
            with transaction.atomic():
                UserNotificationsCount.objects.filter(pk=self.users[0].pk).update(unread_count=1)
                flushing = self.flush_in_thread("SET default_transaction_isolation = 'repeatable read'")
                self.wait_until_it_waits()
            self.assertTrue(flushing.result(30).ok)
        self.assertIn("could not serialize", logs.output[0])
        self.assert_all_stored()

    @only_on("postgresql", "mysql")
    def test_a_flush_whose_connection_is_killed_goes_on_with_a_new_one(self) -> None:
        with self.assertLogs("notifications_counter", "WARNING"):
            with self.locked(0):
                flushing = self.flush_in_thread()
                self.wait_until_it_waits()
                self.kill(self.flusher)
                time.sleep(0.2)
            self.assertTrue(flushing.result(30).ok)
        self.assert_all_stored()

    def kill(self, number: int) -> None:
        statements = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}
        with connections["default"].copy().cursor() as cursor:
            cursor.execute(statements[connection.vendor], [number])

    @only_on("mysql")
    def test_a_lock_that_is_held_too_long_is_tried_again(self) -> None:
        with self.assertLogs("notifications_counter", "WARNING") as logs:
            with self.locked(0):
                flushing = self.flush_in_thread("SET innodb_lock_wait_timeout = 1")
                self.wait_until_it_waits()
                time.sleep(1)
            self.assertTrue(flushing.result(30).ok)
        self.assertIn("Lock wait timeout", logs.output[0])
        self.assert_all_stored()

    @only_on("mysql")
    def test_a_row_that_is_newer_than_the_transactions_snapshot_is_tried_again(self) -> None:
        """MariaDB refuses it from 11.6 on; a trigger raises the same error on any."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TRIGGER nc_too_new BEFORE UPDATE ON {Progress._meta.db_table} FOR EACH ROW BEGIN"
                " IF @nc_failed IS NULL THEN SET @nc_failed = 1; SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1020,"
                " MESSAGE_TEXT = 'Record has changed since last read in table'; END IF; END"
            )
        try:
            with self.assertLogs("notifications_counter", "WARNING") as logs:
                self.assertTrue(counter.flush().ok)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP TRIGGER nc_too_new")
        self.assertIn("Record has changed since last read", logs.output[0])
        self.assert_all_stored()

    @only_on("sqlite")
    def test_a_database_that_is_locked_too_long_is_tried_again(self) -> None:
        with self.assertLogs("notifications_counter", "WARNING") as logs:
            with transaction.atomic():
                UserNotificationsCount.objects.filter(pk=self.users[0].pk).update(unread_count=1)
                flushing = self.flush_in_thread("PRAGMA busy_timeout = 50")
                self.wait_until_it_waits()
            self.assertTrue(flushing.result(30).ok)
        self.assertIn("locked", logs.output[0])
        self.assert_all_stored()


class LastingFailureTest(DatabaseFailureTestCase):
    """The flush stops and says why; when the cause is gone, the next one applies everything."""

    READ_ONLY = {
        "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
        "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"),
        "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
    }

    @contextmanager
    def broken(self, begin: str, end: str) -> Iterator[None]:
        connection.cursor().execute(begin)
        try:
            yield
        finally:
            connection.cursor().execute(end)

    def test_a_read_only_database_is_said_to_be_one_and_nothing_is_lost(self) -> None:
        with self.broken(*self.READ_ONLY[connection.vendor]), self.assertRaises(DatabaseFailed) as caught:
            counter.flush()
        self.assertIn("It is read-only", str(caught.exception))
        self.assertIn("still pending", str(caught.exception))
        self.assert_exact(self.users)
        self.assertTrue(counter.flush().ok)
        self.assert_all_stored()

    def test_the_command_says_so_and_ends_with_status_1(self) -> None:
        with (
            self.broken(*self.READ_ONLY[connection.vendor]),
            self.assertLogs("notifications_counter", "ERROR") as logs,
            self.assertRaises(CommandError) as caught,
        ):
            call_command("notification_update_counter", counter=[counter.model._meta.label], stdout=StringIO())
        self.assertEqual(caught.exception.returncode, 1)
        self.assertIn("It is read-only", logs.output[0])

    @only_on("sqlite")
    def test_a_full_disk_is_said_to_be_one_and_nothing_is_lost(self) -> None:
        if not uses_redis():
            self.skipTest("a flush of rows frees more than it takes")
        users = User.objects.bulk_create([User(username=f"another {number}") for number in range(3000)])
        Notification.objects.bulk_create([Notification(user=user, text="much") for user in users])
        pages = connection.cursor().execute("PRAGMA page_count").fetchone()[0]
        free = connection.cursor().execute("PRAGMA freelist_count").fetchone()[0]
        if free > 5:
            connection.cursor().execute("VACUUM")
            pages = connection.cursor().execute("PRAGMA page_count").fetchone()[0]
        limit = self.broken(f"PRAGMA max_page_count = {pages}", "PRAGMA max_page_count = 1073741823")
        with limit, self.assertRaises(DatabaseFailed) as caught:
            counter.flush()
        self.assertIn("Its disk is full", str(caught.exception))
        self.assert_exact(users)
        self.assertTrue(counter.flush().ok)
        self.assert_stored_exact(users[:10])

    def test_each_of_them_is_a_counter_error(self) -> None:
        self.assertTrue(issubclass(DatabaseFailed, CounterError))
