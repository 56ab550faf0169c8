"""Changes of very many rows in a transaction that sees an older state of the database than its statements change."""

from __future__ import annotations

import unittest
from typing import Any

from django.db import connection, transaction

from notifications_counter.models import Notification
from tests.capture.test_expressions import elsewhere
from tests.support.base import CounterTestCase, counter

#: More than one statement names.
MANY = 10_100


@unittest.skipUnless(connection.vendor == "mysql", "only there statements change rows that cannot be seen")
class OldSnapshotTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        self.add(MANY)

    def add(self, number: int) -> None:
        Notification.objects.bulk_create([Notification(user_id=self.user.pk, text="x") for _ in range(number)])

    def change(self, change: Any) -> int:
        """Make a change in a transaction whose view of the rows is older than the last ten of them."""
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try:
            with transaction.atomic():
                self.assertEqual(Notification.objects.count(), MANY)
                elsewhere(lambda: self.add(10))
                done: int = change()
                return done
        finally:
            connection.close()

    def test_an_update_changes_and_counts_the_rows_that_it_sees(self) -> None:
        self.assertEqual(self.change(lambda: Notification.objects.filter(has_read=False).update(has_read=True)), MANY)
        self.assertEqual(Notification.objects.filter(has_read=False).count(), 10)
        self.assertEqual(counter.value(self.user), 10)

    def test_a_delete_deletes_and_counts_the_rows_that_it_sees(self) -> None:
        self.assertEqual(self.change(lambda: Notification.objects.filter(has_read=False).delete()[0]), MANY)
        self.assertEqual(Notification.objects.count(), 10)
        self.assertEqual(counter.value(self.user), 10)
