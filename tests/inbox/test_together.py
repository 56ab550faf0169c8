"""The counters of one source are announced and sent in one round trip, and are as exact as each by itself."""

import tempfile
import time
import unittest
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from redis import Redis

from notifications_counter.exceptions import BufferUnavailable
from notifications_counter.inbox.models import Revision, UnreadByKind, UnseenCount
from notifications_counter.inbox.numbers import numbers_of
from notifications_counter.models import Delta, Notification, UserNotificationsCount
from tests.support.base import CounterTestCase, note_layout, uses_redis
from tests.support.refusing import RefusingServer


class DatabaseTest(CounterTestCase):
    @unittest.skipIf(uses_redis(), "of the database buffer")
    def test_a_create_inserts_the_deltas_of_all_counters_by_one_statement(self):
        (user,) = self.make_users(1)
        with CaptureQueriesContext(connection) as queries:
            Notification.objects.create(user=user, text="one", kind="comment")
        inserts = [query["sql"] for query in queries if query["sql"].startswith("INSERT")]
        self.assertEqual(len(inserts), 2, inserts)
        labels = sorted(Delta.objects.values_list("counter", flat=True))
        self.assertEqual(len(labels), 4, labels)


@unittest.skipUnless(uses_redis(), "of the Redis buffer")
class ServerTest(CounterTestCase):
    """A server of its own, that answers, refuses and dies."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.server = RefusingServer("valkey", Path(directory.name))
        self.addCleanup(self.server.stop)
        buffer = {**settings.NOTIFICATIONS_COUNTER["BUFFERS"]["default"], "OPTIONS": {"URL": self.server.url}}
        buffers = {**settings.NOTIFICATIONS_COUNTER["BUFFERS"], "default": buffer}
        changed = override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "BUFFERS": buffers})
        changed.enable()
        self.addCleanup(changed.disable)
        super().setUp()
        note_layout()
        (self.user,) = self.make_users(1)

    def notify(self, kind="comment"):
        Notification.objects.create(user=self.user, text="one", kind=kind)

    def assert_exact(self, number):
        rows = Notification.objects.of(self.user).unread()
        kinds = {kind: rows.filter(kind=kind).count() for kind in set(rows.values_list("kind", flat=True))}
        found = numbers_of(self.user)
        self.assertEqual((found.unread, found.unseen, found.by_kind), (number, number, kinds))
        self.assertEqual(rows.count(), number)

    def test_a_create_makes_as_many_round_trips_as_with_one_counter(self):
        self.notify()
        with Redis.from_url(self.server.url) as client:
            before = client.info("stats")["total_reads_processed"]
            self.notify()
            reads = client.info("stats")["total_reads_processed"] - before - 1  # its own
        self.assertLessEqual(reads, 3, "once for all commands that come together, and once to tell others of it")
        self.assert_exact(2)

    def test_scripts_that_the_server_has_forgotten_are_loaded_again(self):
        self.notify()
        self.server.ask("SCRIPT", "FLUSH")
        self.notify("like")
        self.assert_exact(2)

    def test_a_server_that_is_full_loses_nothing_of_any_counter(self):
        self.notify()
        self.server.ask("CONFIG", "SET", "maxmemory", "1")
        self.notify("like")
        self.assert_exact(2)
        self.server.ask("CONFIG", "SET", "maxmemory", "0")
        self.notify()
        self.assert_exact(3)

    def test_a_server_that_dies_loses_nothing_of_any_counter_and_begins_another_epoch(self):
        self.notify()
        self.flush()
        before = numbers_of(self.user)
        self.server.stop()
        self.notify("like")
        while_away = numbers_of(self.user)
        self.assertNotEqual(while_away.epoch, before.epoch)
        self.server.start()
        self.notify()
        self.wait_for_the_server()
        self.flush()
        self.assertNotIn(numbers_of(self.user).epoch, (before.epoch, while_away.epoch))
        self.assert_exact(3)

    def wait_for_the_server(self):
        """Until this process asks it again, which it does not for some seconds after it was away."""
        end = time.monotonic() + 15
        while time.monotonic() < end:
            with suppress(BufferUnavailable):
                return UnseenCount.counter.status()
            time.sleep(0.1)

    def flush(self):
        for counter in (UserNotificationsCount, UnseenCount, UnreadByKind, Revision):
            counter.counter.flush()
