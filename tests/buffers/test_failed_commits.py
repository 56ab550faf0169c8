"""Transactions that their commit rolls back without an error, and those that the database rolls back in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable

import django
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction

from notifications_counter.ledger.tables import Delta
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, behind_djangos_back, counter, notify, true_count
from tests.testapp.models import Click

URL = "https://example.com/"


def write_badly() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO auth_group (id, name) VALUES (1, NULL)")


def read_badly() -> None:
    list(User.objects.extra(where=["1 / 0 = 1"]))


def create_twice() -> None:
    Group.objects.bulk_create([Group(name="staff")])


class FailedCommitTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        notify(self.user)
        Click.counter.add({URL: 1})
        Group.objects.create(name="staff")

    def assert_right(self, clicks: int) -> None:
        for _ in range(2):
            self.assert_exact([self.user])
            self.assertEqual(Click.counter.value(URL), clicks)
            self.assertTrue(counter.flush().ok and Click.counter.flush().ok)
        self.assert_stored_exact([self.user])
        self.assertEqual((counter.status().intents, Delta.objects.count()), (0, 0))

    def fail_inside(self, fail: Callable[[], None]) -> None:
        with transaction.atomic():
            Click.counter.add({URL: 5})
            notify(self.user)
            with self.assertRaises(DatabaseError):
                fail()

    def test_a_statement_of_raw_sql_that_failed_and_was_caught(self) -> None:
        if connection.vendor == "postgresql":
            self.fail_inside(write_badly)
            self.assertEqual(true_count(self.user), 1)
            self.assert_right(clicks=1)

    def test_a_read_that_failed_and_was_caught(self) -> None:
        if connection.vendor == "postgresql":
            self.fail_inside(read_badly)
            self.assertEqual(true_count(self.user), 1)
            self.assert_right(clicks=1)

    def test_bulk_create_of_another_model_that_failed_and_was_caught(self) -> None:
        self.fail_inside(create_twice)
        # Before 6.0 Django rolls back by itself.
        fails = connection.vendor == "postgresql" or django.VERSION < (6, 0)
        self.assertEqual(true_count(self.user), 1 if fails else 2)
        self.assert_right(clicks=1 if fails else 6)

    def test_what_comes_after_such_a_transaction_is_counted(self) -> None:
        if connection.vendor == "postgresql":
            self.fail_inside(write_badly)
        notify(self.user)
        Click.counter.add({URL: 1})
        self.assert_right(clicks=2)

    def test_a_statement_that_failed_inside_of_a_block_of_its_own_fails_alone(self) -> None:
        with transaction.atomic():
            notify(self.user)
            Click.counter.add({URL: 1})
            with self.assertRaises(IntegrityError), transaction.atomic():
                Click.counter.add({URL: 9})
                create_twice()
            notify(self.user)
        self.assertEqual(true_count(self.user), 3)
        self.assert_right(clicks=2)

    def test_a_trigger_that_rolls_back_everything_so_that_the_rest_is_committed_by_itself(self) -> None:
        if connection.vendor != "sqlite":
            self.skipTest("only SQLite has such triggers")
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON auth_group BEGIN SELECT RAISE(ROLLBACK, 'refused'); END"
            )
        try:
            with transaction.atomic():
                notify(self.user, 2)
                with self.assertRaises(IntegrityError), connection.cursor() as cursor:
                    cursor.execute("INSERT INTO auth_group (name) VALUES ('x')")
                Notification.objects.filter(has_read=True).count()
                behind_djangos_back(self.user, 0)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP TRIGGER refuse")
        self.assertEqual(true_count(self.user), 1)
        counter.flush()
        self.assert_exact([self.user])

    def test_a_deadlock_that_was_caught_rolls_back_what_came_before_it(self) -> None:
        if connection.vendor != "mysql":
            self.skipTest("a deadlock leaves a transaction that goes on on MariaDB and MySQL alone")
        other = User.objects.create(username="other")
        first, second = Group.objects.create(name="first"), Group.objects.create(name="second")
        locked, waiting = threading.Event(), threading.Event()

        def in_the_way() -> None:
            try:
                with transaction.atomic():
                    # More rows changed: the database chooses the other transaction as the victim.
                    Group.objects.bulk_create(Group(name=f"group {place}") for place in range(50))
                    Group.objects.filter(pk=second.pk).update(name="2nd")
                    locked.set()
                    waiting.wait(10)
                    Group.objects.filter(pk=first.pk).update(name="1st")
            finally:
                connection.close()

        thread = threading.Thread(target=in_the_way)
        thread.start()
        locked.wait(10)
        with transaction.atomic():
            notify(self.user, 2)
            Group.objects.filter(pk=first.pk).update(name="no. 1")
            waiting.set()
            with self.assertRaises(OperationalError), connection.cursor() as cursor:
                cursor.execute("UPDATE auth_group SET name = 'no. 2' WHERE id = %s", [second.pk])
            notify(other)
        thread.join()
        self.assertEqual((true_count(self.user), true_count(other)), (1, 1))
        counter.flush()
        self.assert_exact([self.user, other])
        self.assert_stored_exact([self.user, other])
