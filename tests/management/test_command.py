"""The command, as an operator sees it."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.db import connection
from django.test import tag

from notifications_counter.counters import counters
from notifications_counter.ledger.tables import Delta, Progress
from tests.support.base import ROOT, CounterTestCase, child_environment, counter, empty_redis, notify, uses_redis
from tests.testapp.models import Click

NAME = "notification_update_counter"


class RecountCommandTest(CounterTestCase):
    def test_a_wrong_key_that_only_waits_in_the_buffer_is_corrected(self) -> None:
        (user,) = self.make_users(1)
        counter.add({user.pk: 3})
        call_command("notification_recount", verbosity=0)
        self.assertEqual(counter.value(user), 0)

    def test_a_right_count_is_called_right(self) -> None:
        (user,) = self.make_users(1)
        notify(user, 2)
        out = StringIO()
        for check in (True, False):
            call_command("notification_recount", user=str(user.pk), check=check, stdout=out)
        self.assertEqual(out.getvalue().count(f"key {user.pk}: stored 0, pending 2, actual 2, right"), 2)

    def test_a_user_and_a_counter_cannot_be_asked_for_together(self) -> None:
        with self.assertRaisesMessage(CommandError, "leave out --counter"):
            call_command("notification_recount", user="1", counter=[counter.label], verbosity=0)

    def test_an_alias_that_is_none_is_said_once_by_each_command(self) -> None:
        for name in (NAME, "notification_recount", "notification_counter_status"):
            with self.subTest(name), self.assertNoLogs("notifications_counter"):
                with self.assertRaises(CommandError) as failed:
                    call_command(name, database="defualt", verbosity=0)
                self.assertEqual(str(failed.exception), "Unknown database 'defualt'. Did you mean 'default'?")

    def test_after_lost_redis_data_it_says_at_once_what_to_run(self) -> None:
        if not uses_redis():
            self.skipTest("the database buffer has no server")
        (user,) = self.make_users(1)
        notify(user, 2)
        counter.flush()
        empty_redis()
        for check in (True, False):
            with self.assertRaisesMessage(CommandError, "run manage.py notification_update_counter first"):
                call_command("notification_recount", user=str(user.pk), check=check, verbosity=0)
        with self.assertLogs("notifications_counter", "ERROR"), self.assertRaisesMessage(CommandError, "the log says"):
            call_command(NAME, verbosity=0, counter=[counter.label])
        call_command("notification_recount", user=str(user.pk), check=True, verbosity=0)


@tag("long")
class NotMigratedTest(CounterTestCase):
    """Of a new version whose migrations have not run yet."""

    def test_each_command_says_to_migrate_and_shows_no_traceback(self) -> None:
        table, commands = Progress._meta.db_table, (NAME, "notification_recount", "notification_counter_status")
        for old, new in (("backfilled", "filled"), ("shard", "part")):
            with connection.cursor() as cursor:
                cursor.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
            try:
                said = {" ".join(command): self.said(*command) for command in [*zip(commands), *self.more()]}
            finally:
                with connection.cursor() as cursor:
                    cursor.execute(f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}")
            for command, errors in said.items():
                with self.subTest(command=command, missing=old):
                    self.assertNotIn("Traceback", errors)
                    self.assertIn("A table or column is missing there: run manage.py migrate.", errors)

    def more(self) -> list[tuple[str, ...]]:
        if connection.vendor == "sqlite":  # which takes a quoted name of no column for a text
            return []
        return [("notification_recount", "--user=1"), ("notification_recount", "--check")]

    def said(self, *command: str) -> str:
        one = [] if "--user=1" in command else ["--counter", counter.label]
        arguments = [sys.executable, "-m", "django", *command, *one]
        return subprocess.run(arguments, cwd=ROOT, env=child_environment(), capture_output=True, text=True).stderr


class CommandTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)

    def call(self, **options: Any) -> str:
        out = StringIO()
        call_command(NAME, stdout=out, stderr=out, **options)
        return out.getvalue()

    def start(self, *arguments: str, name: str = NAME, **more: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "django", name, *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=child_environment(), text=True, **more)

    def test_it_flushes_and_says_so_in_one_line_for_each_counter(self) -> None:
        notify(self.user, 2)
        lines = self.call().splitlines()
        self.assertEqual(self.stored(self.user), 2)
        self.assertEqual(len(lines), len(counters()))
        self.assertRegex(lines[0], r"^notifications_counter.UserNotificationsCount.counter: 1 key changed by \+2 in ")

    def test_only_the_named_counters_are_flushed(self) -> None:
        notify(self.user)
        Click.counter.add({"https://example.com/": 1})
        said = self.call(counter=["testapp.click"])
        self.assertIn("testapp.Click.counter: 1 key ", said)
        self.assertIsNone(self.stored(self.user))
        self.call(counter=["notifications_counter.UserNotificationsCount.counter"])
        self.assertEqual(self.stored(self.user), 1)

    def test_verbosity_0_says_nothing_and_2_says_how_fast(self) -> None:
        notify(self.user)
        self.assertEqual(self.call(verbosity=0), "")
        notify(self.user)
        self.assertIn("keys a second", self.call(verbosity=2))

    def test_wrong_options_are_refused_with_the_value(self) -> None:
        for options, said in (({"counter": ["a.B"]}, "a.B"), ({"chunk_size": 0}, "0"), ({"loop": -1.0}, "-1.0")):
            with self.assertRaisesMessage(CommandError, said):
                self.call(**options)

    def test_a_chunk_of_one_flushes_everything(self) -> None:
        notify(self.user, 3)
        self.call(chunk_size=1)
        self.assertEqual(self.stored(self.user), 3)

    def test_the_exit_status_is_1_when_something_could_not_be_flushed(self) -> None:
        notify(self.user)
        bad = Delta.objects.create(counter=counter.label, key="nobody", amount=1)
        child = self.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _, errors = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 1)
        last = errors.splitlines()[-1]
        self.assertIn(f"CommandError: Not all went well. {counter.label}: 'nobody' cannot be a key of", last)
        self.assertIn("Its rows in notifications_counter_delta stay pending", last)
        self.assertEqual(self.stored(self.user), 1)
        bad.delete()
        self.assertEqual(self.start(stdout=subprocess.DEVNULL).wait(60), 0)

    def test_a_loop_flushes_again_and_ends_cleanly_on_sigterm(self) -> None:
        notify(self.user)
        child = self.start("--loop", "0.1", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.wait_for(1)
            notify(self.user, 2)
            self.wait_for(3)
        finally:
            child.send_signal(signal.SIGTERM)
        out, errors = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 0, errors)
        self.assertNotIn("Traceback", errors)
        self.assertIn(" changed by +", out)

    def test_a_loop_prints_nothing_of_rounds_in_which_nothing_happened(self) -> None:
        notify(self.user)
        child = self.start("--loop", "0.02", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.wait_for(1)
            time.sleep(1)
        finally:
            child.send_signal(signal.SIGTERM)
        out, _ = child.communicate(timeout=30)
        said = [line for line in out.splitlines() if "stopped before the end" not in line]
        self.assertEqual(len(said), 1, out)
        self.assertIn(f"{counter.label}: 1 key changed by +1", said[0])

    def test_called_by_a_program_it_leaves_that_programs_signals_alone(self) -> None:
        notify(self.user)
        program = (
            "import os, signal, django; django.setup()\n"
            "from django.core.management import call_command\n"
            "from notifications_counter.signals import flushed\n"
            "signal.signal(signal.SIGTERM, lambda *args: print('the host was told'))\n"
            "end = lambda **kwargs: os.kill(os.getpid(), signal.SIGTERM)\n"
            "flushed.connect(end)\n"
            f"call_command({NAME!r}, verbosity=0, counter=[{counter.label!r}])\n"
            "print('handled by', signal.getsignal(signal.SIGTERM).__name__)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=child_environment(), capture_output=True, text=True
        )
        self.assertEqual(done.stdout.splitlines(), ["the host was told", "handled by <lambda>"], done.stderr)
        self.assertEqual(self.stored(self.user), 1)

    def test_a_loop_goes_on_after_its_database_connection_was_lost(self) -> None:
        if connection.vendor != "postgresql":
            self.skipTest("only PostgreSQL's connections can be ended from another here")
        child = self.start("--loop", "0.2", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            notify(self.user)
            self.wait_for(1)
            ended = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s"
            )
            with connection.cursor() as cursor:
                cursor.execute(ended, [connection.settings_dict["NAME"]])
            notify(self.user)
            self.wait_for(2)
        finally:
            child.terminate()
            child.wait(30)

    def wait_for(self, stored: int) -> None:
        end = time.monotonic() + 30
        while self.stored(self.user) != stored:
            self.assertLess(time.monotonic(), end, "the loop did not flush")
            time.sleep(0.05)

    def test_on_a_terminal_a_progress_bar_is_drawn(self) -> None:
        notify(self.user)
        for name in (NAME, "notification_recount"):
            leader, follower = pty.openpty()
            child = self.start("--counter", "notifications_counter.UserNotificationsCount", name=name, stdout=follower)
            os.close(follower)
            drawn = b""
            with contextlib.suppress(OSError), os.fdopen(leader, "rb", closefd=True) as terminal:
                while part := os.read(terminal.fileno(), 1000):
                    drawn += part
            self.assertEqual(child.wait(30), 0)
            self.assertIn(b"[....", drawn, name)
