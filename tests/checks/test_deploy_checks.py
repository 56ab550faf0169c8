"""``check --deploy --database``: what is dangerous in how the servers of a site are set up."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from io import StringIO
from typing import Any

from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from notifications_counter.buffers import buffers
from notifications_counter.checks.deploy import check_deploy
from notifications_counter.ledger.tables import Progress
from tests.support.base import (
    ROOT,
    CounterTestCase,
    child_environment,
    counter,
    default_buffer,
    note_layout,
    notify,
    uses_redis,
)
from tests.support.servers import free_port, valkey
from tests.testapp.models import Click

REDIS = "notifications_counter.buffers.redis.RedisBuffer"


class DeployCheckTestCase(CounterTestCase):
    def said(self) -> list[str]:
        messages = check_deploy(databases=["default"])
        for message in messages:
            self.assertTrue(message.hint, message)
        return [f"{(message.id or '').rpartition('.')[2]} {message.msg}" for message in messages]

    def ids(self) -> list[str]:
        return [sentence[:4] for sentence in self.said()]


class FlushCheckTest(DeployCheckTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)

    def about_flushes(self) -> list[str]:
        return [sentence for sentence in self.said() if sentence.startswith("W023")]

    def test_a_new_site_is_not_blamed_for_having_nothing_to_flush(self) -> None:
        self.assertEqual(self.about_flushes(), [])

    def test_deltas_that_wait_without_any_flush_are_said(self) -> None:
        notify(self.user)
        said = "W023 default: no flush for longer than an hour, or never, of:"
        self.assertEqual(self.about_flushes(), [f"{said} {counter.label} (never, and deltas are pending)."])
        counter.flush()
        self.assertEqual(self.about_flushes(), [])

    def test_no_flush_for_longer_than_an_hour_is_said(self) -> None:
        counter.flush()
        self.ago(minutes=59)
        self.assertEqual(self.about_flushes(), [])
        self.ago(minutes=90)
        self.assertEqual(
            self.about_flushes(),
            [f"W023 default: no flush for longer than an hour, or never, of: {counter.label} (1.5 hours)."],
        )

    def ago(self, minutes: int) -> None:
        Progress.objects.filter(counter=counter.label).update(flushed_at=timezone.now() - timedelta(minutes=minutes))

    def test_it_is_said_by_the_command_only_where_it_is_asked_for(self) -> None:
        notify(self.user)
        both = ["--deploy", "--database=default"]
        for arguments in (both, ["--deploy"], ["--database=default"]):
            command = [sys.executable, "-m", "django", "check", *arguments]
            done = subprocess.run(command, cwd=ROOT, env=child_environment(), capture_output=True, text=True)
            self.assertEqual("notifications_counter.W023" in done.stderr, arguments == both, done.stderr)

    def test_a_database_without_the_tables_or_their_columns_is_no_crash(self) -> None:
        table = Progress._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} RENAME COLUMN drift_at TO drifted")
        try:
            (said,) = self.said()
            self.assertRegex(said, "^W024 default: the status of the counters cannot be read: .*drift_at")
            with connection.cursor() as cursor:
                cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
            self.assertEqual(self.said(), [])
            with connection.cursor() as cursor:
                cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f"ALTER TABLE {table} RENAME COLUMN drifted TO drift_at")


class ServerCheckTest(DeployCheckTestCase):
    def setUp(self) -> None:
        super().setUp()
        if not uses_redis():
            self.skipTest("only Redis is a server")

    def test_a_server_that_may_remove_deltas_is_said_once_for_all_counters(self) -> None:
        with valkey(maxmemory_policy="allkeys-lru", appendonly="yes") as url, default_buffer(REDIS, {"URL": url}):
            (said,) = self.said()
            self.assertEqual(
                said,
                "W020 Buffer 'default': when its memory is full, Redis removes deltas: maxmemory-policy allkeys-lru.",
            )
            client: Any = buffers["default"].server.client  # type: ignore[attr-defined]
            for policy in ("noeviction", "volatile-lru"):
                client.config_set("maxmemory-policy", policy)
                self.assertEqual(self.said(), [])

    def test_a_server_that_does_not_persist_is_said(self) -> None:
        with valkey() as url, default_buffer(REDIS, {"URL": url}):
            (said,) = self.said()
            self.assertIn("W021 Buffer 'default': Redis writes no append-only file, and no snapshot", said)
            client: Any = buffers["default"].server.client  # type: ignore[attr-defined]
            client.config_set("appendonly", "yes")
            self.assertEqual(self.said(), [])

    def test_a_server_that_does_not_answer_is_said_once(self) -> None:
        with default_buffer(REDIS, {"URL": f"redis://127.0.0.1:{free_port()}/0"}):
            ids = self.ids()
        self.assertEqual(ids, ["W024"])

    def test_deltas_that_wait_elsewhere_than_the_settings_say_are_said(self) -> None:
        notify(self.make_users(1)[0])
        counter.flush()
        with default_buffer("notifications_counter.buffers.database.DatabaseBuffer", {}):
            said = self.said()
        self.assertIn(f"W024 {counter.label}: deltas may be pending in Redis with PREFIX 'nc'", " ".join(said))

    @override_settings(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}})
    def test_a_cache_in_the_processs_own_memory_is_an_error_of_every_check(self) -> None:
        with default_buffer(REDIS, {"CACHE": "default"}):
            messages = run_checks(tags=["compatibility"])
        self.assertIn("notifications_counter.E013", [message.id for message in messages])


class GraceCheckTest(DeployCheckTestCase):
    def test_a_statement_that_may_outlast_the_grace_time_is_said(self) -> None:
        if connection.vendor == "sqlite" or not uses_redis():
            self.skipTest("only these databases end statements, and only Redis has a grace time")
        for seconds, expected in ((0, 0), (30, 0), (60, 0), (90.5, 1)):
            self.limit_statements(seconds)
            said = [sentence for sentence in self.said() if sentence.startswith("W022")]
            self.assertEqual(len(said), expected, said)
        self.assertIn(
            "W022 Buffer 'default': INTENT_GRACE is 60 s, but a statement on 'default' may take 90.5 s", said[0]
        )
        self.limit_statements(0)

    def limit_statements(self, seconds: float) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(int(seconds * 1000))])
            else:
                cursor.execute("SET SESSION max_statement_time = %s", [seconds])


class WholeCheckTest(DeployCheckTestCase):
    def test_with_the_database_buffer_a_flushed_site_is_fine(self) -> None:
        with default_buffer("notifications_counter.buffers.database.DatabaseBuffer", {}):
            note_layout()
            counter.flush()
            Click.counter.flush()
            self.assertEqual(self.said(), [])
            call_command("check", deploy=True, databases=["default"], stdout=StringIO(), stderr=StringIO())
