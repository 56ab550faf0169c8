"""Pruning: what is old and not kept goes, nothing else, and every count stays exact."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any

from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import tag
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications_counter import cron, tasks
from notifications_counter.exceptions import InvalidOption
from notifications_counter.models import Notification
from notifications_counter.pruning import candidates, duration, prune
from notifications_counter.signals import pruned
from tests.support.base import ROOT, CounterTestCase, child_environment, counter
from tests.support.walks import by_effort, seeds

NAME = "notification_prune"


def say(**options: Any) -> str:
    out = StringIO()
    call_command(NAME, stdout=out, **options)
    return out.getvalue()


class PruneTestCase(CounterTestCase):
    def make(self, user: User, *ages: int, **values: Any) -> list[Notification]:
        """Notifications of so many days ago."""
        now = timezone.now()
        rows = [Notification(user=user, text="x", created_at=now - timedelta(days=age), **values) for age in ages]
        return Notification.objects.bulk_create(rows)

    def ages(self, user: User) -> list[int]:
        """Of what is left, the newest first."""
        times = Notification.objects.of(user).order_by("-created_at").values_list("created_at", flat=True)
        return [round((timezone.now() - moment).total_seconds() / 86_400) for moment in times]


class RulesTest(PruneTestCase):
    databases = {"default", "other"}

    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)

    def test_what_is_older_goes_and_counts_stay_exact(self) -> None:
        self.make(self.user, 1, 89, 91, 400)
        self.make(self.other, 5)
        self.assertIn("2 notifications deleted, 1 user looked at", say(older_than="90d"))
        self.assertEqual((self.ages(self.user), self.ages(self.other)), ([1, 89], [5]))
        self.assert_exact([self.user, self.other])

    def test_the_newest_of_each_user_stay_however_old(self) -> None:
        self.make(self.user, 100, 200, 300)
        self.make(self.other, 1, 100, 200)
        self.make(self.other, 2, kind="comment", has_read=True)
        say(older_than="90d", keep=2)
        self.assertEqual((self.ages(self.user), self.ages(self.other)), ([100, 200], [1, 2]))
        self.assert_exact([self.user, self.other])

    def test_of_equally_old_ones_the_last_made_are_the_newest(self) -> None:
        moment = timezone.now() - timedelta(days=100)
        rows = [Notification(user=self.user, text=str(n), created_at=moment) for n in range(5)]
        Notification.objects.bulk_create(rows)
        prune("90d", keep=2)
        self.assertEqual(sorted(Notification.objects.values_list("text", flat=True)), ["3", "4"])

    def test_read_only_and_a_kind_narrow_it(self) -> None:
        for kind in ("a", "b", ""):
            self.make(self.user, 100, kind=kind)
            self.make(self.user, 100, kind=kind, has_read=True)
        self.assertEqual(prune("90d", kind="a", read_only=True).deleted, 1)
        self.assertEqual(prune("90d", kind="").deleted, 2)
        self.assertEqual(prune("90d", read_only=True).deleted, 1)
        left = Notification.objects.values_list("kind", "has_read")
        self.assertEqual(sorted(left), [("a", False), ("b", False)])
        self.assert_exact([self.user])

    def test_kept_ones_are_counted_whatever_their_kind(self) -> None:
        self.make(self.user, 100, 101, kind="a")
        self.make(self.user, 99, kind="b")
        prune("90d", keep=2, kind="a")
        self.assertEqual(self.ages(self.user), [99, 100])

    def test_a_dry_run_says_how_many_and_changes_nothing(self) -> None:
        self.make(self.user, *range(80, 90), *range(91, 100))
        said = say(older_than="90d", keep=3, dry_run=True, chunk_size=4)
        self.assertIn("9 notifications would be deleted", said)
        self.assertEqual(len(self.ages(self.user)), 19)
        self.assertEqual(prune("90d", keep=3).deleted, 9)

    def test_each_unit_can_be_written(self) -> None:
        for text, length in (("45s", 45), ("30m", 1800), ("12h", 43_200), ("1d", 86_400), ("2w", 1_209_600)):
            self.assertEqual(duration(text), timedelta(seconds=length))

    def test_what_cannot_be_meant_is_refused_with_its_value_and_changes_nothing(self) -> None:
        self.make(self.user, 100)
        for text in ("90 d", "0d", "-1d", "90", "d", "", "1.5d", "٣d", "90D", "90d\n", "99999999999999d", "9" * 5000):
            with self.subTest(text[:20]), self.assertRaisesMessage(InvalidOption, repr(text[:80])):
                prune(text)
        with self.assertRaisesMessage(CommandError, "'90 d' is no duration: write a whole number and s, m, h, d or w"):
            say(older_than="90 d")
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"keep": -1}, "keep must be an integer from 0 to 100000, not -1."),
            ({"chunk_size": 0}, "chunk_size must be an integer from 1 to 2000, not 0."),
            ({"pause": -1.0}, "pause must be a number of seconds of at least 0, not -1.0."),
            ({"database": "nowhere"}, "Unknown database 'nowhere'."),
        ]
        for options, said in wrong:
            with self.subTest(options), self.assertRaisesMessage(CommandError, said):
                say(older_than="1d", **options)
        with self.assertRaises(InvalidOption):
            prune(timedelta(days=-1))
        self.assertEqual(self.ages(self.user), [100])

    def test_the_entry_points_of_schedulers_prune(self) -> None:
        for prune_by in (cron.prune, tasks.prune):
            self.make(self.user, 1, 100, 101)
            prune_by("90d", keep=0)
            self.assertEqual(self.ages(self.user), [1])
            Notification.objects.all().delete()

    def test_a_receiver_is_told_what_is_gone_and_what_it_raises_undoes_the_chunk(self) -> None:
        old = {row.pk for row in self.make(self.user, 100, 101, 102)}
        told: list[Any] = []

        def note(pks: Any, using: str, **kwargs: Any) -> None:
            told.extend(pks)
            if len(told) == 1:
                raise RuntimeError("not now")

        pruned.connect(note)
        try:
            with self.assertRaisesMessage(RuntimeError, "not now"):
                prune("90d", chunk_size=1)
            self.assertEqual(len(self.ages(self.user)), 3)
            self.assert_exact([self.user])
            prune("90d", chunk_size=2)
        finally:
            pruned.disconnect(note)
        self.assertEqual(set(told[1:]), old)

    def test_another_database_is_pruned_by_itself(self) -> None:
        self.make(self.user, 100)
        twin = User.objects.using("other").create(username="twin")
        moment = timezone.now() - timedelta(days=100)
        Notification.objects.using("other").create(user=twin, text="x", created_at=moment)
        say(older_than="90d", database="other")
        self.assertEqual(Notification.objects.using("other").count(), 0)
        self.assertEqual(counter.value(twin.pk, using="other"), 0)
        self.assertEqual(self.ages(self.user), [100])


class WalkTest(PruneTestCase):
    """The same as a plain sort would delete, however the users are walked over."""

    def expected(self, days: int, keep: int, read_only: bool, kind: str | None) -> set[int]:
        border, left = timezone.now() - timedelta(days=days), set()
        for user in User.objects.all():
            rows = Notification.objects.of(user).order_by("-created_at", "-pk")
            for rank, row in enumerate(rows):
                goes = rank >= keep and row.created_at < border and (row.has_read or not read_only)
                if not (goes and kind in (None, row.kind)):
                    left.add(row.pk)
        return left

    def test_random_tables_are_pruned_as_a_plain_sort_says(self) -> None:
        for seed in seeds(by_effort(4, 12, 200)):
            walk = random.Random(seed)
            Notification.objects.all().delete()
            User.objects.all().delete()
            users, now = self.make_users(walk.randrange(1, 12)), timezone.now()
            times = [now - timedelta(days=walk.randrange(20), hours=1) for _ in range(6)]
            Notification.objects.bulk_create(
                Notification(
                    user=walk.choice(users[: walk.randrange(1, len(users) + 1)]),
                    text="x",
                    kind=walk.choice("ab"),
                    has_read=walk.random() < 0.5,
                    created_at=walk.choice(times),
                )
                for _ in range(walk.randrange(300))
            )
            rules = {
                "keep": walk.choice([0, 0, 1, 3, 30]),
                "read_only": walk.random() < 0.4,
                "kind": walk.choice([None, None, "a"]),
            }
            days = walk.randrange(1, 20)
            left = self.expected(days, **rules)
            with self.small_steps(walk.randrange(1, 40), walk.randrange(1, 8)):
                prune(timedelta(days=days), chunk_size=walk.choice([1, 7, 400]), **rules)
            self.assertEqual(set(Notification.objects.values_list("pk", flat=True)), left, (seed, rules, days))
            self.assert_exact(users, str(seed))

    @contextmanager
    def small_steps(self, rows: int, users: int) -> Iterator[None]:
        """Statements that read no more than so many, as if the table were as many times larger."""
        before = candidates.ROWS, candidates.USERS
        candidates.ROWS, candidates.USERS = rows, users
        try:
            yield
        finally:
            candidates.ROWS, candidates.USERS = before

    def test_a_slow_database_deletes_fewer_at_a_time(self) -> None:
        if connection.vendor != "postgresql":
            self.skipTest("a trigger of PostgreSQL makes it slow")
        (user,) = self.make_users(1)
        sizes = []
        for seconds in (0, 0.002):
            self.make(user, *[100] * 600)
            with self.slow_deletes(seconds), self.connected(lambda pks, **_: sizes[-1].append(len(pks))):
                sizes.append([])
                prune("90d")
        fast, slow = sizes
        self.assertLessEqual(max(slow[1:]), 25)
        self.assertGreater(max(fast), max(slow))
        self.assertEqual(self.ages(user), [])
        self.assert_exact([user])

    @contextmanager
    def slow_deletes(self, seconds: float) -> Iterator[None]:
        """A trigger of the project that takes so long for each row."""
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN PERFORM pg_sleep({seconds}); RETURN OLD; END $$"
            )
            cursor.execute(
                "CREATE TRIGGER slow BEFORE DELETE ON notifications_counter_notification"
                " FOR EACH ROW EXECUTE FUNCTION slow()"
            )
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP FUNCTION slow() CASCADE")

    @contextmanager
    def connected(self, receiver: Callable[..., None]) -> Iterator[None]:
        pruned.connect(receiver, sender=Notification)
        try:
            yield
        finally:
            pruned.disconnect(receiver, sender=Notification)

    def test_no_more_rows_are_read_than_a_statement_may(self) -> None:
        (user,) = self.make_users(1)
        self.make(user, *[100] * 3000)
        with CaptureQueriesContext(connection) as queries:
            prune("90d")
        reads = [each["sql"] for each in queries if each["sql"].startswith("SELECT") and "created_at" in each["sql"]]
        self.assertTrue(all("LIMIT" in sql or " IN (" in sql for sql in reads), reads)
        self.assertEqual(self.ages(user), [])


@tag("long")
class ProcessTest(PruneTestCase):
    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "django", NAME, "--older-than", "90d", *options]
        return subprocess.Popen(
            command, cwd=ROOT, env=child_environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def make_many(self) -> list[User]:
        users = self.make_users(8)
        for user in users:
            self.make(user, 1, *[100] * 60)
        return users

    def wait_until_begun(self, least: int = 1) -> None:
        before, end = Notification.objects.count(), time.monotonic() + 30
        while Notification.objects.count() > before - least:
            self.assertLess(time.monotonic(), end, "nothing is deleted")
            time.sleep(0.01)

    def test_a_run_that_is_killed_is_continued_by_the_next(self) -> None:
        users = self.make_many()
        child = self.start("--chunk-size", "5", "--pause", "0.02")
        self.wait_until_begun()
        child.kill()
        child.communicate()
        self.assertGreater(Notification.objects.count(), 8)
        self.assert_exact(users)
        out, errors = self.start().communicate(timeout=60)
        self.assertRegex(out, r"^\d+ notifications deleted, \d users? looked at, [\d.]+ s$", errors)
        self.assertEqual([self.ages(user) for user in users], [[1]] * 8)
        self.assert_exact(users)

    def test_sigterm_ends_it_after_its_chunk_and_it_says_so(self) -> None:
        users = self.make_many()
        child = self.start("--chunk-size", "5", "--pause", "0.05")
        self.wait_until_begun()
        child.send_signal(signal.SIGTERM)
        out, errors = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 0, errors)
        self.assertNotIn("Traceback", errors)
        self.assertIn("; stopped before the end, and the next run goes on", out)
        self.assert_exact(users)

    def test_counts_stay_exact_while_others_write(self) -> None:
        users = self.make_many()
        over = threading.Event()

        def write() -> None:
            walk = random.Random(seeds(1)[0])
            while not over.is_set():
                own = Notification.objects.of(walk.choice(users))
                walk.choice([own.mark_as_read, own.mark_as_unread, lambda: self.make(walk.choice(users), 1, 95)])()
                time.sleep(0.02)  # SQLite lets one write at a time
            connections.close_all()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            found = [prune("90d", chunk_size=20, pause=0.01) for _ in range(2)]
        finally:
            over.set()
            writer.join()
        self.assertGreaterEqual(found[0].deleted, 480)
        prune("90d")
        self.assertEqual({age for user in users for age in self.ages(user)}, {1})
        self.assert_exact(users)

    def test_one_that_is_marked_as_unread_meanwhile_stays(self) -> None:
        (user,) = self.make_users(1)
        self.make(user, *[100] * 30, has_read=True)
        # Between the look and the delete of the second chunk.
        report = lambda result: Notification.objects.of(user).mark_as_unread()  # noqa: E731
        self.assertEqual(prune("90d", read_only=True, chunk_size=10, report=report).deleted, 10)
        self.assertEqual(len(self.ages(user)), 20)
        self.assert_exact([user])

    def test_it_says_how_far_it_is_where_somebody_wants_to_know(self) -> None:
        (user,) = self.make_users(1)
        self.make(user, *[100] * 30)
        out, _ = self.start("--chunk-size", "10", "--pause", "0.6", "-v2").communicate(timeout=60)
        lines = out.splitlines()
        self.assertGreater(len(lines), 1, out)
        self.assertTrue(all(re.match(r"\d+ notifications deleted, \d users? looked at, ", line) for line in lines), out)

    def test_older_than_must_be_given(self) -> None:
        command = [sys.executable, "-m", "django", NAME]
        done = subprocess.run(command, cwd=ROOT, env=child_environment(), text=True, capture_output=True)
        self.assertIn("the following arguments are required: --older-than", done.stderr)
