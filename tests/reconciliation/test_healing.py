"""Counts that a failure left wrong heal with the next flush, busy keys included, and writers never wait."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

from django.db import connection

from notifications_counter.buffers import buffers
from notifications_counter.buffers.redis import RedisBuffer
from notifications_counter.models import Notification, UserNotificationsCount
from tests.support.base import (
    ROOT,
    CounterTestCase,
    behind_djangos_back,
    child_environment,
    counter,
    finish,
    notify,
    start_child,
    uses_redis,
)
from tests.support.intents import write_intents


class HealingTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        if not uses_redis():
            self.skipTest("the database buffer has nothing to heal")
        self.buffer: Any = buffers["default"]
        (self.user,) = self.make_users(1)
        self.base = self.buffer.shards.base(counter.store(), 0)

    def left_by_the_dead(self, age: int) -> None:
        """The intent of a writer that died so many seconds ago, between its commit and its push."""
        behind_djangos_back(self.user, 1)
        self.buffer.server.run("intend", self.base, "the dead one's", self.buffer.intent_grace, str(self.user.pk))
        now = self.buffer.server.client.time()[0]
        self.leave(now - age)
        self.buffer.server.client.zadd(f"{self.base}:dirty", {str(self.user.pk): now - age + self.buffer.intent_grace})

    def leave(self, left: object) -> None:
        write_intents(self.buffer.server.client, self.base, str(self.user.pk), {"the dead one's": left})


class IntentTest(HealingTestCase):
    def test_an_intent_within_the_grace_time_is_left_alone(self) -> None:
        self.left_by_the_dead(self.buffer.intent_grace - 10)
        self.assertEqual(counter.flush().recounted, 0)
        self.assertEqual(counter.value(self.user), 0)

    def test_an_intent_past_it_is_recounted_by_the_next_flush(self) -> None:
        self.left_by_the_dead(self.buffer.intent_grace + 1)
        self.assertEqual(counter.flush().recounted, 1)
        self.assert_exact([self.user])
        self.assert_stored_exact([self.user])

    def test_it_is_looked_at_again_at_growing_intervals(self) -> None:
        self.left_by_the_dead(self.buffer.intent_grace + 1)
        waits = []
        for age in (100, 300, 1000):
            now = self.buffer.server.client.time()[0]
            self.leave(f"flagged {now - age}")
            self.buffer.server.client.zadd(f"{self.base}:dirty", {str(self.user.pk): now})
            counter.flush()
            waits.append(self.buffer.server.client.zscore(f"{self.base}:dirty", str(self.user.pk)) - now)
        for wait, age in zip(waits, (100, 300, 1000), strict=True):
            self.assertAlmostEqual(wait, age, delta=20, msg="the seconds since it was flagged, the flush's own added")

    def test_it_is_dropped_when_no_transaction_can_be_that_old(self) -> None:
        self.left_by_the_dead(self.buffer.max_transaction_age + 1)
        counter.flush()
        self.assertEqual(self.buffer.server.client.exists(f"{self.base}:intents", f"{self.base}:dirty"), 0)
        self.assert_stored_exact([self.user])

    def test_a_freeze_lets_writers_wait_in_the_database_and_reads_stay_exact(self) -> None:
        notify(self.user)
        counter.value(self.user)
        self.buffer.freeze(counter.store(), [str(self.user.pk)])
        notify(self.user, 2)
        self.assertEqual(counter.status().rows, 2)
        self.assert_exact([self.user])
        counter.flush()
        self.assert_stored_exact([self.user])


class BusyKeyTest(HealingTestCase):
    ROWS = 100_000 if connection.vendor == "postgresql" else 2_000

    def test_a_key_under_50_writes_a_second_heals_within_four_tries(self) -> None:
        behind_djangos_back(self.user, self.ROWS)
        counter.recount([self.user.pk])
        recount, tries = RedisBuffer.recount, []

        def noted(*arguments: Any, **named: Any) -> Any:
            tries.append(1)
            return recount(*arguments, **named)

        with tempfile.TemporaryDirectory() as directory:
            end = Path(directory) / "end"
            writer = start_child("write_often", self.user.pk, 50, end)
            try:
                self.wait_for_writes()
                self.left_by_the_dead(self.buffer.intent_grace + 1)
                began = time.monotonic()
                with mock.patch.object(RedisBuffer, "recount", noted):
                    flushed = counter.flush()
                seconds = time.monotonic() - began
                time.sleep(1)
            finally:
                end.touch()
            took = sorted(finish(writer))
        slow, slowest = took[len(took) * 99 // 100], took[-1]
        said = f"p99 of create() {slow:.3f} s, longest {slowest:.3f} s"
        print(f"{self.ROWS} rows healed in {len(tries)} tries and {seconds:.2f} s; {said}")
        self.assertEqual(flushed.recounted, 1)
        self.assertLessEqual(len(tries), 4)
        self.assertLess(seconds, 10)
        counter.flush()
        self.assert_exact([self.user])
        counter.flush()
        self.assert_stored_exact([self.user])

    def test_a_key_without_a_gap_is_frozen_and_heals_when_the_commits_under_way_are_done(self) -> None:
        if connection.vendor == "sqlite":
            self.skipTest("SQLite has one writer at a time: the flush waits for it")
        self.left_by_the_dead(self.buffer.intent_grace + 1)
        begun = threading.Event()
        with ThreadPoolExecutor(1) as executor:
            writing = executor.submit(self.commit_slowly, begun)
            self.assertTrue(begun.wait(10))
            flushed = counter.flush()
            self.assertEqual(flushed.recounted, 1)
            writing.result(10)
        self.assertEqual(self.buffer.server.client.exists(f"{self.base}:frozen:{self.user.pk}"), 1)
        notify(self.user)
        self.assertEqual(counter.status().rows, 1)
        self.assert_exact([self.user])
        counter.flush()
        self.assert_stored_exact([self.user])

    def commit_slowly(self, begun: threading.Event) -> None:
        commit = connection._commit

        def slow_commit() -> None:
            begun.set()
            time.sleep(0.4)
            commit()

        try:
            with mock.patch.object(connection, "_commit", slow_commit):
                notify(self.user)
        finally:
            connection.close()

    def wait_for_writes(self) -> None:
        end = time.monotonic() + 30
        while not Notification.objects.filter(user=self.user, text="one of many").exists():
            self.assertLess(time.monotonic(), end, "the writer does not write")
            time.sleep(0.05)


class CheckTest(CounterTestCase):
    """``manage.py notification_recount --check``"""

    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(3)
        for user in self.users:
            notify(user, 2)
        counter.flush()
        notify(self.users[0])

    def check(self, *arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "django", "notification_recount", "--check", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=child_environment(), capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def test_right_counts_end_with_status_0(self) -> None:
        status, said = self.check()
        self.assertEqual(status, 0, said)
        self.assertIn("UserNotificationsCount.counter: 3 keys checked, 0 wrong", said)

    def test_each_wrong_count_is_printed_and_left_alone_and_the_status_is_1(self) -> None:
        behind_djangos_back(self.users[1], 5)
        UserNotificationsCount.objects.filter(pk=self.users[2].pk)._raw_delete("default")
        status, said = self.check()
        self.assertEqual(status, 1, said)
        self.assertIn(f"key {self.users[1].pk}: stored 2, pending 0, actual 7, wrong by +5", said)
        self.assertIn(f"key {self.users[2].pk}: stored 0, pending 0, actual 2, wrong by +2", said)
        self.assertIn("2 counts are wrong.", said)
        self.assertEqual(counter.value(self.users[1]), 2)

    def test_deltas_without_rows_or_a_count_are_found(self) -> None:
        counter.flush()
        counter.add({self.users[0]: 4})
        UserNotificationsCount.objects.filter(pk=self.users[0].pk)._raw_delete("default")
        with connection.cursor() as cursor:  # behind Django's back
            cursor.execute(f"DELETE FROM {Notification._meta.db_table} WHERE user_id = %s", [self.users[0].pk])
        status, said = self.check()
        self.assertEqual(status, 1, said)
        self.assertIn(f"key {self.users[0].pk}: stored 0, pending 4, actual 0, wrong by -4", said)

    def test_one_user_can_be_checked(self) -> None:
        behind_djangos_back(self.users[1], 1)
        self.assertEqual(self.check("--user", str(self.users[0].pk))[0], 0)
        self.assertEqual(self.check("--user", str(self.users[1].pk))[0], 1)
