"""Servers that die, lie, pause and cut connections while processes write; the counts are exact again by themselves."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import tag

from notifications_counter.buffers import buffers
from notifications_counter.exceptions import BufferUnavailable
from notifications_counter.ledger.tables import Delta
from notifications_counter.models import Notification
from tests.support.base import ROOT, CounterTestCase, child_environment, fast_healing, finish, start_child, uses_redis
from tests.support.children.work import COUNTERS
from tests.support.children.work_until import URL
from tests.support.proxy import proxy
from tests.support.servers import failing_valkey, postgresql, postgresql_programs
from tests.support.walks import SEED
from tests.testapp.models import Click

IN_CI = os.environ.get("CI") == "true"
ALL = (*COUNTERS, Click.counter)


@unittest.skipUnless(uses_redis() and connection.vendor == "postgresql", "once is enough: on PostgreSQL with Redis")
class OutageTestCase(CounterTestCase):
    breaker_seconds = 5.0

    def setUp(self) -> None:
        self.server = self.enterContext(failing_valkey())
        self.use(self.server.url)
        super().setUp()
        self.users = self.make_users(6)
        self.lost: list[str] = []

    def use(self, url: str) -> None:
        self.url = url
        self.enterContext(fast_healing(timeout=1, url=url))
        buffers["default"].server.breaker.seconds = 0  # type: ignore[attr-defined]

    @contextlib.contextmanager
    def writers(self) -> Iterator[None]:
        """Three processes that write, beside flushes."""
        ids = ",".join(str(user.pk) for user in self.users)
        with tempfile.TemporaryDirectory() as directory:
            end = Path(directory) / "end"
            child = start_child("work_until", SEED, 3, ids, end, self.breaker_seconds, NC_REDIS_URL=self.url)
            try:
                while Notification.objects.count() < 10 and child.poll() is None:
                    time.sleep(0.1)
                self.flush_for(1)
                yield
                self.flush_for(1)
            finally:
                end.touch()
                self.done = finish(child)

    def flush_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(BufferUnavailable):
                self.flush()
            time.sleep(0.1)

    def flush(self) -> None:
        for counter in ALL:
            self.lost += counter.flush(chunk_size=2).lost

    def assert_heals(self) -> None:
        time.sleep(3)  # the grace time, and as long again as a transaction ran that was looked at meanwhile
        self.flush()
        self.assertEqual((Delta.objects.count(), [each.status().keys for each in ALL]), (0, [0, 0, 0]))
        for counter in COUNTERS:
            rows = Notification.objects.filter(has_read=counter is not COUNTERS[0])
            true = {user.pk: rows.filter(user=user).count() for user in self.users}
            stored = dict(counter.model._base_manager.values_list("pk", counter.field.attname))
            self.assertEqual({pk: stored.get(pk, 0) for pk in true}, true, counter.label)
            self.assertEqual(counter.values(true), true, counter.label)
        self.assertGreater(self.done["steps"], 20)

    def clicks(self) -> int:
        return Click.objects.get(url=URL).clicks

    def assert_loss_is_said(self, logs: Any, what: str) -> None:
        """Once for each counter, as what it is; and no click is doubled."""
        said = [message for message in logs.output if "has lost" in message]
        self.assertEqual((len(said), len(self.lost)), (3, 3), said)
        for counter in ALL:
            (own,) = [sentence for sentence in self.lost if sentence.startswith(f"{counter.label}: ")]
            self.assertIn(what, own)
            self.assertIn("cannot be counted again" if counter is Click.counter else "recounts", own)
        self.assertLessEqual(self.clicks(), self.done["steps"])

    def assert_no_click_is_missing(self) -> None:
        """But those of which the log says that they may be."""
        self.assertEqual(self.lost, [])
        self.assertLessEqual(self.clicks(), self.done["steps"])
        self.assertGreaterEqual(self.clicks(), self.done["steps"] - self.done["perhaps_lost"])


@tag("long")
class OutageTest(OutageTestCase):
    def test_a_server_that_was_killed_and_starts_empty(self) -> None:
        with self.assertLogs("notifications_counter", "ERROR") as logs:
            with self.writers():
                self.server.kill()
                self.flush_for(1)
                self.server.start()
            self.assert_heals()
        self.assert_loss_is_said(logs, "its data")

    def test_a_server_that_starts_from_an_old_dump(self) -> None:
        with self.assertLogs("notifications_counter", "ERROR") as logs:
            with self.writers():
                self.server.save()
                self.flush_for(1)
                self.server.kill()
                self.server.start()
            self.assert_heals()
        self.assert_loss_is_said(logs, "older")

    def test_a_server_whose_data_was_all_deleted(self) -> None:
        with self.assertLogs("notifications_counter", "ERROR") as logs:
            with self.writers():
                self.server.ask("FLUSHALL")
            self.assert_heals()
        self.assert_loss_is_said(logs, "its data")

    def test_a_server_that_pauses_for_five_seconds(self) -> None:
        with self.assertLogs("notifications_counter", "ERROR") as logs, self.writers(), self.server.paused():
            self.flush_for(5)
        self.assertIn("no answer", logs.output[0])
        self.assert_heals()
        self.assert_no_click_is_missing()


@tag("long")
class CutConnectionTest(OutageTestCase):
    breaker_seconds = 0.05

    def setUp(self) -> None:
        super().setUp()
        self.proxy = self.enterContext(proxy(self.server.port))
        self.use(f"redis://127.0.0.1:{self.proxy.port}/0")

    def test_connections_that_are_cut_before_the_server_hears_of_a_request(self) -> None:
        with self.assertLogs("notifications_counter", "ERROR"), self.writers():
            self.proxy.requests = 0.1
            self.flush_for(3)
            self.proxy.requests = 0
        self.assert_heals()
        self.assert_no_click_is_missing()
        self.assertGreater(self.proxy.dropped, 10)

    def test_connections_that_are_cut_in_the_middle_of_a_reply(self) -> None:
        with self.assertLogs("notifications_counter", "ERROR"), self.writers():
            self.proxy.replies = 0.1
            self.flush_for(3)
            self.proxy.replies = 0
        self.assert_heals()
        self.assert_no_click_is_missing()
        self.assertGreater(self.proxy.dropped, 10)


PROGRAMS = postgresql_programs()

#: When, at which step and for which time of it the database restarts.
POINTS = ("before add sums 2", "after add sums 3", "before commit 4", "after commit 4", "after chunk 2")


@tag("long-alone")
@unittest.skipUnless(uses_redis() and connection.vendor == "sqlite", "once is enough: on SQLite with Redis")
@unittest.skipUnless(PROGRAMS or IN_CI, "needs PostgreSQL's pg_ctl on PATH or below /usr/lib/postgresql")
class RestartedDatabaseTest(CounterTestCase):
    def test_a_flush_goes_on_exact_when_postgresql_restarts_in_the_middle_of_it(self) -> None:
        assert PROGRAMS, "needs PostgreSQL's pg_ctl on PATH or below /usr/lib/postgresql"
        with postgresql(PROGRAMS) as server:
            names = {"NC_TEST_DATABASE_NAME": "postgres", "NC_TEST_OTHER_NAME": "postgres"}
            environment = {"NC_DATABASE_URL": server.url, **names}
            command = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
            subprocess.run(command, cwd=ROOT, env=child_environment(**environment), check=True)
            for point in POINTS:
                with self.subTest(point=point):
                    when, *step, times = point.split()
                    arguments = (when, " ".join(step), times, *server.restart)
                    done = finish(start_child("restart_database", *arguments, **environment))
                    true = list(range(1, 10))
                    # A chunk whose commit was not answered is applied, and not known to be this flush's.
                    self.assertIn(done.pop("keys"), range(10))
                    self.assertEqual(done, {"restarts": 1, "ok": True, "stored": true, "values": true})
