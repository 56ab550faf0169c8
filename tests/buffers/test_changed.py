"""Whoever wants to know of a counter's changes is told once for each commit, and of what was rolled back never."""

from django.db import transaction

from notifications_counter.buffers import changed
from notifications_counter.revisions import on_change
from tests.support.base import CounterTestCase, counter, notify

told = []


def hear(keys, using):
    told.append((keys, using, counter.values(keys)))


class ChangedTest(CounterTestCase):
    def setUp(self):
        super().setUp()
        self.ada, self.ben = self.make_users(2)
        self.keys = [str(self.ada.pk), str(self.ben.pk)]
        told.clear()
        on_change(counter, hear)
        self.addCleanup(changed._receivers.pop, counter)  # or every other test would be told

    def assert_told(self, *keys):
        self.assertEqual([(found, using) for found, using, _ in told], [(set(each), "default") for each in keys])

    def test_a_transaction_is_told_of_once_when_its_values_can_be_read(self):
        with transaction.atomic():
            notify(self.ada, 3)
            notify(self.ben)
            self.assertEqual(told, [])
        self.assert_told(self.keys)
        self.assertEqual(told[0][2], dict(zip(self.keys, (3, 1), strict=True)))

    def test_each_change_without_a_transaction_is_told_of(self):
        notify(self.ada)
        counter.add({self.ben.pk: 2})
        self.assert_told(self.keys[:1], self.keys[1:])

    def test_what_is_rolled_back_is_not_told_of_and_what_comes_after_it_is(self):
        with transaction.atomic():
            notify(self.ada)
            transaction.set_rollback(True)
        self.assert_told()
        with transaction.atomic():
            with transaction.atomic():
                notify(self.ada)
                transaction.set_rollback(True)
            notify(self.ben)
        self.assert_told(self.keys[1:])

    def test_a_receiver_that_fails_fails_no_change(self):
        def fail(keys, using):
            raise ValueError("no")

        on_change(counter, fail)
        with self.assertLogs("notifications_counter", "ERROR"):
            notify(self.ada)
        self.assert_told(self.keys[:1])
        self.assert_exact([self.ada])
