"""Moves from one buffer to another, and to another layout, with the processes of before and after at work together."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings, tag

from notifications_counter.buffers import buffers
from notifications_counter.exceptions import BufferMismatch
from notifications_counter.models import Notification
from tests.support.base import (
    ROOT,
    CounterTestCase,
    child_environment,
    counter,
    default_buffer,
    finish,
    note_layout,
    notify,
    start_child,
    uses_redis,
)
from tests.support.walks import LONG

DATABASE = settings.IN_DATABASE["BACKEND"]
REDIS = "notifications_counter.buffers.redis.RedisBuffer"

#: INTENT_GRACE is for how long a drain waits for processes that were killed.
OPTIONS = {"INTENT_GRACE": 2}
DATABASE_ONLY = {**OPTIONS, "DATABASE_ONLY": True}
NEW_LAYOUT = {"PREFIX": "new", "SHARDS": 3}

Options = dict[str, Any] | None


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """These tests choose their buffers by themselves: once a database is enough."""
    return tests if os.environ.get("NC_BUFFER") == "redis" else unittest.TestSuite()


def environment(options: Options) -> dict[str, str]:
    """Of a process with the Redis buffer and these options; None for the database buffer."""
    if options is None:
        return {"NC_BUFFER": "database"}
    return {"NC_BUFFER": "redis", "NC_REDIS_OPTIONS": json.dumps(options)}


class Site:
    """The processes of one deployment: writers, of which the first is killed at the end, and a flusher."""

    def __init__(self, directory: Path, options: Options, own: list[User], shared: list[User]) -> None:
        self.options = options
        self.end = directory / f"end of {own[0].pk}"
        changed, ids = environment(options), ",".join(str(user.pk) for user in shared)
        self.flusher = start_child("flush_often", self.end, **changed)
        self.writers = [start_child("write_and_read", self.end, user.pk, ids, user.pk, **changed) for user in own]
        self.busy = [directory / f"{self.end.name}-{user.pk}" for user in own]

    def wait(self) -> None:
        """Until all writers have begun."""
        until = time.monotonic() + 60
        while not all(each.exists() for each in self.busy) and time.monotonic() < until:
            if any(child.poll() for child in (self.flusher, *self.writers)):
                break  # it will say why
            time.sleep(0.1)

    def stop(self) -> None:
        killed, *others = self.writers
        killed.kill()
        killed.communicate()
        self.end.touch()
        for child in (self.flusher, *others):
            finish(child)

    def kill(self) -> None:
        """Whatever is left of it."""
        for child in (self.flusher, *self.writers):
            if child.poll() is None:
                child.kill()
                child.communicate()


def settings_of(options: Options) -> override_settings:
    """The settings of a process with these options of Redis; without any, with the database buffer."""
    backend, more = (DATABASE, {}) if options is None else (REDIS, {"URL": settings.REDIS_URL, **options})
    return default_buffer(backend, more)


class MovingTestCase(CounterTestCase):
    def use(self, options: Options) -> None:
        """The settings of this process."""
        self.enterContext(settings_of(options))

    def assert_moved(self, users: list[User], options: Options) -> None:
        """That everything is right for a process with these settings, and is stored by its flush."""
        self.use(options)
        self.assert_exact(users, f"with {options}")
        self.assertTrue(counter.flush().ok)
        self.assert_exact(users, f"flushed with {options}")
        self.assert_stored_exact(users, f"flushed with {options}")


@tag("long")
class RollingMoveTest(MovingTestCase):
    """Each deployment starts while the one before it still runs."""

    WRITERS = 2

    def setUp(self) -> None:
        super().setUp()
        if not LONG and not (uses_redis() and connection.vendor == "postgresql"):
            self.skipTest("deployments take their time: they run with PostgreSQL and the Redis buffer only, or --long")

    def drain(self, options: Options) -> None:
        command = [sys.executable, "-m", "django", "notification_update_counter", "--drain", "-v", "0"]
        done = subprocess.run(
            command, cwd=ROOT, env=child_environment(**environment(options)), capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def roll(self, *steps: Options | str) -> None:
        """Deploy these settings one after the other, while all users are written to; "drain" is a step too."""
        deployments = [step for step in steps if step != "drain"]
        users = self.make_users(3 + self.WRITERS * len(deployments))
        shared, left, running = users[:3], users[3:], None
        with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
            for step in steps:
                if isinstance(step, str):
                    self.drain(running.options if running else None)
                    continue
                own, left = left[: self.WRITERS], left[self.WRITERS :]
                site = Site(Path(directory), step, own, shared)
                stack.callback(site.kill)
                site.wait()
                if running:
                    running.stop()
                running = site
            assert running
            running.stop()
        self.use(running.options)
        time.sleep(OPTIONS["INTENT_GRACE"] + 1)  # of the one that was killed just now
        counter.flush()
        self.assert_moved(users, running.options)

    def begin_with(self, options: Options) -> None:
        self.use(options)
        note_layout()

    def test_from_the_database_to_redis_nothing_is_lost_or_refused(self) -> None:
        self.begin_with(None)
        self.roll(None, DATABASE_ONLY, OPTIONS)

    def test_from_redis_to_the_database_nothing_is_lost_or_refused(self) -> None:
        self.begin_with(OPTIONS)
        self.roll(OPTIONS, DATABASE_ONLY, "drain", None)

    def test_to_another_prefix_and_number_of_shards_nothing_is_lost_or_refused(self) -> None:
        self.begin_with(OPTIONS)
        self.roll(OPTIONS, DATABASE_ONLY, "drain", DATABASE_ONLY | NEW_LAYOUT, OPTIONS | NEW_LAYOUT)


class MoveTest(MovingTestCase):
    """What processes of different settings see of each other, one step after the other."""

    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(2)
        self.user = self.users[0]

    def write_with(self, options: Options) -> None:
        with settings_of(options):
            notify(self.user, 2)
            notify(self.user, has_read=True)
            Notification.objects.filter(pk=notify(self.user)[0].pk).mark_as_read()

    def see_each_other(self, *sides: Options) -> None:
        for _ in range(2):
            for writer in sides:
                self.write_with(writer)
                for reader in sides * 2:
                    with settings_of(reader):
                        self.assert_exact(self.users, f"written with {writer}, read with {reader}")
            for flusher in sides:
                with settings_of(flusher):
                    self.assertTrue(counter.flush().ok)
                for reader in sides:
                    with settings_of(reader):
                        self.assert_exact(self.users, f"flushed with {flusher}, read with {reader}")

    def drain(self, options: Options) -> None:
        with settings_of(options):
            call_command("notification_update_counter", drain=True, verbosity=0)

    def close(self) -> None:
        """As with the database buffer."""
        with settings_of(None):
            note_layout()

    def test_neighbours_on_the_way_see_each_others_changes_at_once(self) -> None:
        self.close()
        self.see_each_other(None, DATABASE_ONLY)
        self.see_each_other(DATABASE_ONLY, OPTIONS)
        self.drain(DATABASE_ONLY)
        self.see_each_other(DATABASE_ONLY, None)
        self.see_each_other(DATABASE_ONLY | NEW_LAYOUT, None, DATABASE_ONLY)
        self.see_each_other(DATABASE_ONLY | NEW_LAYOUT, OPTIONS | NEW_LAYOUT)

    def test_until_a_flush_has_told_all_processes_nothing_waits_in_redis(self) -> None:
        self.close()
        self.write_with(OPTIONS)
        with settings_of(None):
            self.assert_exact(self.users)
            self.assertEqual(counter.recount([self.user])[0].difference, 0)
        with settings_of(OPTIONS):
            self.assertEqual(counter.recount([self.user])[0].difference, 0)
            self.assertEqual(counter.status().outside, 0)
            counter.flush()
            notify(self.users[1])  # the other one's key is frozen for a while
            self.assertEqual(counter.status().outside, 1)
        with settings_of(None):
            self.assert_exact(self.users)  # by counting rows
            for refused in (counter.flush, lambda: counter.recount([self.user])):
                with self.assertRaisesMessage(BufferMismatch, "DATABASE_ONLY"):
                    refused()

    def test_what_the_database_buffer_wrote_during_a_careless_move_is_counted_by_the_next_flush(self) -> None:
        self.close()
        with settings_of(OPTIONS):
            counter.flush()
            self.assertEqual(counter.value(self.user), 0)
        self.write_with(None)
        with settings_of(OPTIONS):
            counter.flush()
        self.assert_moved(self.users, OPTIONS)

    def test_no_value_from_before_the_database_buffer_is_read_after_it(self) -> None:
        self.close()
        self.use(OPTIONS)
        counter.flush()
        notify(self.user)
        self.assertEqual(counter.value(self.user), 1)
        self.drain(OPTIONS)
        with settings_of(None):
            notify(self.user)
            counter.flush()
        self.assert_exact(self.users)
        with settings_of(OPTIONS):
            self.assertEqual(counter.flush().lost, [])
        self.assert_exact(self.users)

    def test_after_a_drain_an_empty_server_and_another_prefix_are_no_loss(self) -> None:
        self.use(OPTIONS)
        for _ in range(3):
            notify(self.user)
            counter.flush()
        self.drain(OPTIONS)
        buffers["default"].server.client.flushdb()  # type: ignore[attr-defined]
        self.assert_moved(self.users, OPTIONS | NEW_LAYOUT)

    def test_a_drain_recounts_what_a_process_left_behind_that_died_before_its_push(self) -> None:
        self.use(OPTIONS)
        counter.flush()
        buffer = buffers["default"]
        buffer.server.run("intend", buffer.shards.base(counter.store(), 0), "died", 2, str(self.user.pk))  # type: ignore[attr-defined]
        with settings_of(DATABASE_ONLY):  # what it had committed
            notify(self.user)
            counter.add({self.user: -1})
        self.drain(OPTIONS)
        self.assert_moved(self.users, None)

    def test_a_drain_is_refused_while_somebody_still_writes_to_redis(self) -> None:
        self.use(OPTIONS)
        counter.flush()
        out = StringIO()
        with (
            mock.patch("notifications_counter.flushing.drain.apply_all", lambda stored: notify(self.user)),
            self.assertLogs("notifications_counter", "ERROR") as logs,
            self.assertRaises(CommandError),
        ):
            call_command("notification_update_counter", drain=True, counter=[counter.label], stdout=out)
        self.assertIn("1 key is still pending in Redis. Give all processes the option DATABASE_ONLY", logs.output[0])
        self.assertNotIn("nothing is pending", out.getvalue())
        self.assert_moved(self.users, OPTIONS)

    def test_what_is_written_to_redis_after_a_careless_drain_is_counted_by_the_next_flush_there(self) -> None:
        self.use(OPTIONS)
        counter.flush()
        notify(self.user)
        self.drain(OPTIONS)
        notify(self.user)
        self.assert_moved(self.users, OPTIONS)
