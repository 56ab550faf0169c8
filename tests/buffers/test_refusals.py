"""Servers that answer and take no writes: values are exact meanwhile and afterwards, and no event is lost."""

from __future__ import annotations

import contextlib
import os
import time
import unittest
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from unittest import mock

from django.db import connection, connections
from django.test import tag

from notifications_counter.buffers import buffers
from notifications_counter.buffers.redis import RedisBuffer
from notifications_counter.exceptions import BufferUnavailable
from notifications_counter.ledger.tables import Delta
from tests.capture.test_composite import by_kind
from tests.shop.models import Message
from tests.support.base import CounterTestCase, counter, default_buffer, heavy, notify, true_count
from tests.support.refusing import MUTE, READABLE, REDIS, State, refusing_server
from tests.testapp.models import Click

BACKEND = "notifications_counter.buffers.redis.RedisBuffer"
URL = "https://example.com/"
IN_CI = os.environ.get("CI") == "true"
ALL = (counter, Click.counter)


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """These tests choose their buffer by themselves: once a database is enough."""
    return tests if os.environ.get("NC_BUFFER") == "redis" else unittest.TestSuite()


class RefusalTestCase(CounterTestCase):
    kind: ClassVar[str] = "valkey"

    def setUp(self) -> None:
        if self.kind == "redis" and not (REDIS or IN_CI):
            self.skipTest("needs redis-server on PATH")
        self.server = self.enterContext(refusing_server(self.kind))
        self.use(self.server.url)
        super().setUp()
        self.user, self.other = self.make_users(2)
        self.clicks = 0
        for each in ALL:
            each.flush()

    def use(self, url: str) -> None:
        self.options = {"URL": url, "TIMEOUT": 2, "INTENT_GRACE": 1}
        self.enterContext(default_buffer(BACKEND, self.options))
        self.addCleanup(lambda: buffers["default"].close())

    def change(self) -> None:
        """Both users get a notification, in a row and by a bulk method, and somebody clicks."""
        notify(self.user)
        counter.source._base_manager.bulk_create([counter.source(user=self.other, text="x")])
        self.click()

    def notify(self) -> None:
        notify(self.user)

    def click(self) -> None:
        Click.counter.add({URL: 1})
        self.clicks += 1

    def elsewhere(self) -> RedisBuffer:
        """What a process has that knows nothing of this one's troubles."""
        buffer = RedisBuffer("elsewhere", self.options)
        self.addCleanup(buffer.close)
        return buffer

    def assert_right(self, buffer: RedisBuffer | None = None, events: bool = True) -> None:
        reads = buffer or buffers["default"]
        store, keys = counter.store(), [str(self.user.pk), str(self.other.pk)]
        true = {str(user.pk): true_count(user) for user in (self.user, self.other)}
        self.assertEqual({key: reads.value(store, key) for key in keys}, true)
        self.assertEqual(reads.values(store, keys), true)
        if events:
            self.assertEqual(reads.value(Click.counter.store(), URL), self.clicks)

    def assert_flushes(self) -> None:
        for each in ALL:
            self.assertTrue(each.flush().ok)
        self.assert_right()
        self.assertEqual((Delta.objects.count(), [each.status().keys for each in ALL]), (0, [0, 0]))
        self.assert_stored_exact([self.user, self.other])
        self.assertEqual(sum(click.clicks for click in Click.objects.all()), self.clicks)

    @contextlib.contextmanager
    def said_once(self) -> Iterator[None]:
        """The log of each process says that the state begins, that it ends, and nothing else."""
        with self.assertLogs("notifications_counter") as logs:
            yield
        for alias in ("default", "elsewhere"):
            begins, ends = [line for line in logs.output if alias in line]
            self.assertIn("takes no writes", begins)
            self.assertIn("takes writes again", ends)
        self.assertEqual(len(logs.output), 4, logs.output)


@tag("long")
class StatesTest(RefusalTestCase):
    def go_through(self, state: State, is_mute: bool = False) -> None:
        reader = self.elsewhere()
        self.change()
        self.assert_right()
        self.assert_right(reader)
        with self.said_once():
            with state(self.server):
                if is_mute:  # a read by somebody else cannot know what is pending, but for what has rows
                    self.assert_right(reader, events=False)
                for _ in range(3):
                    self.change()
                    self.assert_right(events=not is_mute)
                    self.assert_right(reader, events=not is_mute)
            time.sleep(0.8)
            self.assert_right()
        self.assert_right(reader)
        self.change()
        self.assert_right()
        self.assert_right(reader)
        self.assert_flushes()

    def test_states_in_which_reads_are_answered(self) -> None:
        for name, state in READABLE.items():
            with self.subTest(state=name):
                self.go_through(state)

    def test_states_in_which_nothing_is_answered(self) -> None:
        for name, state in MUTE.items():
            with self.subTest(state=name):
                self.go_through(state, is_mute=True)

    @contextlib.contextmanager
    def between_commit_and_push(self, begin: Callable[[], None]) -> Iterator[None]:
        commit, todo = connection._commit, [begin]

        def committing() -> None:
            commit()
            if todo:
                todo.pop()()

        with mock.patch.object(connections["default"], "_commit", committing):
            yield

    @heavy
    def test_a_state_that_begins_between_the_commit_and_the_push(self) -> None:
        for name, state in (READABLE | MUTE).items():
            for change in (self.notify, self.click):
                with self.subTest(state=name, change=change.__name__):
                    self.assert_right()
                    in_state = state(self.server)
                    with self.between_commit_and_push(in_state.__enter__):
                        change()
                    self.assert_right(events=name in READABLE)
                    self.assert_right(self.elsewhere(), events=name in READABLE)
                    in_state.__exit__(None, None, None)
                    time.sleep(0.8)
                    self.assert_right()
                    self.assert_flushes()

    def test_a_full_server_with_a_recount_that_is_due_is_emptied(self) -> None:
        self.change()
        base = buffers["default"].shards.base(counter.store(), 0)  # type: ignore[attr-defined]
        self.server.ask("HSET", f"{base}:intents", str(self.user.pk), ";token=1")
        self.server.ask("ZADD", f"{base}:dirty", "1", str(self.user.pk))
        with self.assertLogs("notifications_counter", "WARNING"), self.server.full():
            for each in ALL:
                each.flush()
            self.assert_stored_exact([self.user, self.other])
            self.assertEqual(Click.objects.get().clicks, self.clicks)
        time.sleep(0.8)
        self.assert_flushes()

    def test_a_server_that_loads_its_data(self) -> None:
        self.change()
        self.server.ask("EVAL", "for i = 1, 4000 do redis.call('SET', 'filler:' .. i, i) end", "0")
        self.server.ask("SAVE")
        self.assert_right()
        self.server.stop()
        with self.assertLogs("notifications_counter") as logs:
            slowly = ("--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024")
            self.server.start(*slowly, wait=False)
            time.sleep(0.5)
            self.change()
            self.assert_right(events=False)
            while self.server_loads():
                time.sleep(0.1)
            time.sleep(0.8)
            self.assert_right()
            for each in ALL:
                each.flush()  # says that the server was restarted
        self.assertEqual(sum("takes no writes" in line for line in logs.output), 1, logs.output)
        self.assertEqual(sum("takes writes again" in line for line in logs.output), 1, logs.output)
        self.assert_flushes()

    def server_loads(self) -> bool:
        return b"\nloading:1" in self.server._info("persistence")


@tag("long")
class RedisStatesTest(StatesTest):
    kind = "redis"


@tag("long")
class GroupStatesTest(RefusalTestCase):
    def read(self) -> tuple[dict[Any, int], dict[Any, int]]:
        """The group as it is read here, and by a process that knows nothing of this one's troubles."""
        group = by_kind.keys.group(self.user)
        found = self.elsewhere().group_values(by_kind.store(), group)
        return by_kind.values_of(self.user), {key.partition(",")[2]: value for key, value in found.items() if value}

    def test_a_cached_group_is_not_trusted_while_the_server_takes_no_writes(self) -> None:
        by_kind.flush()
        for name, state in (READABLE | MUTE).items():
            with self.subTest(state=name):
                Message.objects.all().delete()
                Message.objects.create(user=self.user, kind="a")
                self.assertEqual(self.read(), ({"a": 1}, {"a": 1}))
                with state(self.server):
                    Message.objects.create(user=self.user, kind="a")
                    Message.objects.create(user=self.user, kind="b")
                    self.assertEqual(self.read(), ({"a": 2, "b": 1}, {"a": 2, "b": 1}))
                time.sleep(0.8)
                self.assertEqual(self.read(), ({"a": 2, "b": 1}, {"a": 2, "b": 1}))
                self.assertTrue(by_kind.flush().ok)


@tag("long")
class PermissionTest(RefusalTestCase):
    """A user of the server that may do less."""

    def as_user(self, *rules: str) -> None:
        self.use(self.server.user_url(*rules))
        buffers["default"].server.breaker.refusal.seconds = 0.3  # type: ignore[attr-defined]

    def test_the_permissions_that_the_documentation_names_are_enough(self) -> None:
        self.as_user("+@all", "-@dangerous", "+info")
        with self.assertNoLogs("notifications_counter"):
            for _ in range(2):
                self.change()
                self.assert_right()
                self.assert_flushes()
            counter.recount([self.user])
            counter.drain()
        self.assert_right()

    def test_a_permission_that_a_flush_lacks_is_named(self) -> None:
        self.as_user("+@all", "-@dangerous")
        self.change()
        self.assert_right()
        with self.assertRaisesMessage(BufferUnavailable, "INFO"), self.assertLogs("notifications_counter") as logs:
            counter.flush()
        self.assertIn("INFO", logs.output[0])
        self.server.user_url("+@all")
        time.sleep(0.5)
        with self.assertLogs("notifications_counter"):
            self.assert_flushes()

    @heavy
    def test_a_step_that_is_not_permitted_loses_nothing(self) -> None:
        for command in ("evalsha", "getex", "zadd", "hsetnx", "zincrby", "hdel", "set"):
            with self.subTest(command=command):
                self.as_user()
                self.change()
                self.assert_right()
                is_mute = command == "evalsha"
                with self.assertLogs("notifications_counter") as logs, self.server.without(command):
                    for _ in range(3):
                        self.change()
                        self.assert_right(events=not is_mute)
                        time.sleep(0.2)
                self.assertEqual(sum("takes no writes" in line for line in logs.output), 1, logs.output)
                self.assertIn(command.upper(), logs.output[0].upper())
                with self.assertLogs("notifications_counter") as logs:
                    end = time.monotonic() + 5
                    while buffers["default"].server.is_troubled and time.monotonic() < end:  # type: ignore[attr-defined]
                        time.sleep(0.4)
                        self.change()
                        self.assert_right()
                        for each in ALL:
                            each.flush()
                self.assertEqual([line for line in logs.output if "again" not in line], [])
                self.assert_right()
                self.assert_flushes()

    def test_a_cached_total_that_may_not_be_increased_is_forgotten(self) -> None:
        self.as_user()
        self.change()
        self.assert_right()
        with self.assertNoLogs("notifications_counter"), self.server.without("incrby"):
            for _ in range(2):
                self.change()
                self.assert_right()
            self.assert_flushes()


@tag("long")
class RedisPermissionTest(PermissionTest):
    kind = "redis"
