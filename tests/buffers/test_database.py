"""The database buffer."""

import os
import unittest
from typing import Any

from django.db import transaction

from notifications_counter.ledger.tables import Delta
from tests.support.base import CounterTestCase, counter, notify

from .contract import BufferContract


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """These tests choose their buffer by themselves: once a database is enough."""
    return tests if os.environ.get("NC_BUFFER") != "redis" else unittest.TestSuite()


class DatabaseBufferTest(BufferContract, CounterTestCase):
    backend = "notifications_counter.buffers.database.DatabaseBuffer"

    def test_a_delta_is_a_row_of_the_changes_own_transaction(self) -> None:
        with transaction.atomic():
            notify(self.user)
            self.assertEqual(Delta.objects.count(), 1)
        self.assertEqual(list(Delta.objects.values_list("key", "amount")), [(str(self.user.pk), 1)])

    def test_a_read_is_one_query(self) -> None:
        notify(self.user)
        with self.assertNumQueries(1):
            self.assertEqual(counter.value(self.user), 1)

    def test_a_row_that_cannot_be_applied_is_named_and_kept_and_the_rest_is_applied(self) -> None:
        notify(self.user)
        Delta.objects.create(counter=counter.label, key="nobody", amount=1)
        notify(self.user)
        with self.assertLogs("notifications_counter", "ERROR"):
            flushed = counter.flush(chunk_size=1)
        self.assertFalse(flushed.ok)
        self.assertIn("'nobody'", flushed.problems[0])
        self.assertEqual(self.stored(self.user), 2)
        self.assertEqual(Delta.objects.get().key, "nobody")
