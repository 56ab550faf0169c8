"""What the tests of Redis Cluster and of Sentinel share: a site at work on servers that replace one another."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
import unittest
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings

from notifications_counter.buffers import buffers
from notifications_counter.buffers.redis import RedisBuffer
from notifications_counter.counters import Counter
from notifications_counter.ledger.tables import Delta, Progress
from notifications_counter.models import Notification
from tests.testapp.models import Click

from .base import CounterTestCase, counter, default_buffer, finish, notify, start_child, uses_redis
from .children.work import COUNTERS
from .children.work_until import URL
from .clusters import Group, Server, running, wait_for
from .walks import SEED

ALL = (*COUNTERS, Click.counter)

BACKEND = "notifications_counter.buffers.redis.RedisBuffer"

#: How many processes flush all the time.
FLUSHERS = 3


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """Once is enough: on PostgreSQL with Redis."""
    return tests if uses_redis() and connection.vendor == "postgresql" else unittest.TestSuite()


class GroupTestCase(CounterTestCase):
    """Servers of one kind for all tests of a class, each of which begins with all of them and no data.

    Attributes:
        kind: of the servers.
        options: of the buffer, which name the client.
    """

    kind: ClassVar[type[Group]]
    options: ClassVar[dict[str, Any]]
    group: ClassVar[Any]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.group = cls.enterClassContext(running(cls.kind))

    def setUp(self) -> None:
        nodes = self.group.nodes()
        self.enterContext(override_settings(REDIS_CLUSTER=nodes, REDIS_SENTINELS=nodes))
        self.enterContext(default_buffer(BACKEND, self.options))
        super().setUp()
        self.addCleanup(self.buffer.server.client.close)

    @property
    def buffer(self) -> RedisBuffer:
        buffer = buffers["default"]
        assert isinstance(buffer, RedisBuffer)
        return buffer

    def environment(self) -> dict[str, str]:
        """Of child processes that work on the same servers."""
        options = {"URL": None, **self.options}
        return {"NC_REDIS_NODES": json.dumps(self.group.nodes()), "NC_REDIS_OPTIONS": json.dumps(options)}


class FailOverTests(GroupTestCase):
    """Processes write and flush while a server is replaced; afterwards all is exact."""

    def victim(self) -> Server:
        """The server that is to be replaced."""
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(12)
        self.buffer.server.breaker.seconds = 0  # nobody waits here for a server that is left alone

    def tearDown(self) -> None:
        super().tearDown()
        self.group.revive()

    @contextlib.contextmanager
    def load(self) -> Iterator[None]:
        """Three processes that write, which fail when a single step of theirs does, and three that flush."""
        ids = ",".join(str(user.pk) for user in self.users)
        with tempfile.TemporaryDirectory() as directory:
            end = Path(directory) / "end"
            writers = start_child("work_until", SEED, 3, ids, end, 0.2, **self.environment())
            flushers = [start_child("flush_through", end, **self.environment()) for _ in range(FLUSHERS)]
            try:
                wait_for(lambda: Notification.objects.count() > 10 or writers.poll() is not None)
                time.sleep(1)
                yield
                time.sleep(2)
            finally:
                end.touch()
                self.done = finish(writers)
                self.flushed = [finish(flusher) for flusher in flushers]

    def assert_exact_past_the_grace_time(self) -> None:
        """What is stored and what is read, and nothing waits; each delta was added once."""
        time.sleep(3)  # as long again as a transaction ran that was looked at meanwhile
        last = [each.flush() for each in ALL]
        lost = [sentence for flushed in last for sentence in flushed.lost]
        self.flushed.append({"amounts": {flushed.label: flushed.amount for flushed in last}, "lost": lost})
        self.assertEqual((Delta.objects.count(), [each.status().keys for each in ALL]), (0, [0, 0, 0]))
        for each in COUNTERS:
            rows = Notification.objects.filter(has_read=each is not COUNTERS[0])
            true = {user.pk: rows.filter(user=user).count() for user in self.users}
            stored = dict(each.model._base_manager.values_list("pk", each.field.attname))
            self.assertEqual({pk: stored.get(pk, 0) for pk in true}, true, each.label)
            self.assertEqual(each.values(true), true, each.label)
        self.assertGreater(self.done["steps"], 20)

    def assert_loss_was_noticed(self, before: Mapping[Counter, set[str]]) -> None:
        """Of every counter, once its flush met another server; and nothing was doubled.

        Args:
            before: counter -> the servers that were known before.
        """
        for each in ALL:
            self.assertEqual(len(self.run_ids(each) - before[each]), 1, each.label)
            self.assertIn("was restarted or replaced", " ".join(self.lost(each)), each.label)
        self.assertLessEqual(self.clicks, self.done["steps"])

    @property
    def clicks(self) -> int:
        return Click.objects.get(url=URL).clicks

    def lost(self, counter: Counter) -> list[str]:
        """What the flushers said was lost of a counter."""
        said = [sentence for each in self.flushed for sentence in each["lost"]]
        return [sentence for sentence in said if sentence.startswith(f"{counter.label}: ")]

    def run_ids(self, counter: Counter) -> set[str]:
        """The servers that a counter's batches come from, as the flushes know them."""
        rows = Progress.objects.filter(counter=counter.label, shard__lt=self.buffer.layout.shards)
        return set(rows.values_list("run_id", flat=True))

    def test_a_primary_that_is_killed_fails_no_write_and_everything_is_recounted(self) -> None:
        for each in ALL:
            each.flush()
        before = {each: self.run_ids(each) for each in ALL}
        with self.load():
            self.group.kill(self.victim())
            wait_for(lambda: all(self.run_ids(each) - before[each] for each in ALL))
            wait_for(lambda: not Progress.objects.filter(lost_at__isnull=False).exists())
        self.assert_exact_past_the_grace_time()
        self.assert_loss_was_noticed(before)

    def lose(self, flushes: bool) -> list[str]:
        """Let a primary take changes that its replica does not get to know, and the replica take over.

        Args:
            flushes: whether a flush applies them before.

        Returns:
            What the next flush says was lost.
        """
        for _ in range(2):
            counter.flush()
            for user in self.users:
                notify(user)
            counter.values(self.users)
        victim = self.victim()
        victim.ask("WAIT", 1, 5000)
        with self.assertLogs("notifications_counter", "ERROR"):
            with self.group.replaced(), self.group.unreplicated(victim):
                for user in self.users:
                    notify(user)
                if flushes:
                    counter.flush()
                    notify(self.users[0])
                victim.terminate()
            return counter.flush().lost

    def test_changes_that_are_lost_with_a_primary_are_counted_again(self) -> None:
        lost = self.lose(flushes=False)
        self.assertIn("was restarted or replaced", "".join(lost))
        self.assert_exact(self.users)
        self.assert_stored_exact(self.users)

    def test_a_replica_that_is_older_than_what_was_flushed_doubles_nothing(self) -> None:
        lost = self.lose(flushes=True)
        self.assertIn("the newest of its data", "".join(lost))
        self.assert_exact(self.users)
        self.assert_stored_exact(self.users)

    def test_a_primary_that_is_silent_holds_up_one_request_for_two_seconds(self) -> None:
        with default_buffer(BACKEND, self.options), self.assertLogs("notifications_counter", "ERROR"):
            counter.flush()
            self.addCleanup(self.buffer.server.client.close)
            with self.victim().paused():
                took = [seconds_of(user) for user in self.users]
        self.assertTrue(1.5 < max(took) < 3, took)
        self.assertLess(sum(took), 6)
        self.group.revive()
        self.addCleanup(self.buffer.server.client.close)
        counter.flush()
        self.assert_exact(self.users)
        self.assert_stored_exact(self.users)


def seconds_of(user: User) -> float:
    """How long it takes to create a notification."""
    began = time.monotonic()
    notify(user)
    return time.monotonic() - began
