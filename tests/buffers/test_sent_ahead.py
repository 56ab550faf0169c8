"""Intents that are sent ahead of a new row, whatever becomes of it then."""

from __future__ import annotations

import time
import unittest
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError
from django.db.models.signals import ModelSignal, post_save, pre_save

from notifications_counter.ledger.tables import Delta
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, counter, uses_redis


@unittest.skipUnless(uses_redis(), "the database buffer has no intents")
class SentAheadTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)
        self.create()

    def create(self, **values: Any) -> Notification:
        return Notification.objects.create(**{"user": self.user, "text": "Hello", **values})

    def create_beside(self, signal: ModelSignal, receiver: Callable[[Notification], object]) -> None:
        """Create a row, with a receiver that hears of it alone."""

        def receive(instance: Notification, **kwargs: Any) -> None:
            if instance.text == "Hello":
                receiver(instance)

        signal.connect(receive, sender=Notification)
        try:
            self.create()
        finally:
            signal.disconnect(receive, sender=Notification)

    def assert_right(self) -> None:
        self.assert_exact([self.user, self.other])
        self.assertEqual(counter.status().intents, 0)
        self.assertTrue(counter.flush().ok)
        self.assert_stored_exact([self.user, self.other])

    def test_they_are_there_before_the_commit_and_gone_after_it(self) -> None:
        found: list[int] = []

        def look(instance: Notification) -> None:
            end = time.monotonic() + 5
            while not found and time.monotonic() < end:
                found.extend(filter(None, [counter.status().intents]))

        self.create_beside(post_save, look)
        self.assertEqual(found, [1])
        self.assert_right()

    def test_they_are_taken_back_where_the_row_is_refused(self) -> None:
        for _ in range(3):
            with self.assertRaises(IntegrityError):
                self.create(text=None)
        self.assert_right()

    def test_and_where_it_is_gone_before_the_commit(self) -> None:
        self.create_beside(post_save, lambda instance: Notification.objects.filter(pk=instance.pk).delete())
        self.assert_right()

    def test_a_receiver_may_give_the_row_to_somebody_else(self) -> None:
        def give(instance: Notification) -> None:
            instance.user = self.other

        self.create_beside(pre_save, give)
        self.create_beside(post_save, lambda instance: instance.__class__.objects.update(user=self.other))
        self.assert_right()

    def test_or_create_rows_of_others_or_fail(self) -> None:
        def fail(instance: Notification) -> None:
            raise ValueError(instance.pk)

        self.create_beside(post_save, lambda instance: self.create(user=self.other, text="And you"))
        with self.assertRaises(ValueError):
            self.create_beside(post_save, fail)
        self.assert_right()

    def test_what_a_recount_holds_goes_to_the_database(self) -> None:
        counter.buffer.freeze(counter.store(), [str(self.user.pk)])
        self.create()
        self.assertEqual(Delta.objects.count(), 1)
        self.assert_right()

    def test_a_server_that_has_forgotten_the_scripts_or_cut_connections_is_asked_again(self) -> None:
        client = counter.buffer.server.client  # type: ignore[attr-defined]
        for forget in (client.script_flush, lambda: client.client_kill_filter(_type="normal", skipme=True)):
            forget()
            self.create()
            self.assert_right()
