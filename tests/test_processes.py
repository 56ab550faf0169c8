"""Several processes at once, and processes that die."""

import signal
import tempfile
from pathlib import Path

from django.db import connection

from notifications_counter.models import Notification

from .base import CounterTestCase, counter, finish, notify, start_child, uses_redis
from .children.flush_until_killed import POINTS


class ManyProcessesTest(CounterTestCase):
    def test_eight_processes_marking_the_same_500_while_two_flush_end_exact(self) -> None:
        users = self.make_users(5)
        rows = [Notification(user=user, text="one of many") for user in users for _ in range(100)]
        Notification.objects.bulk_create(rows)
        processes = 8 if connection.vendor != "sqlite" else 3  # SQLite has one writer at a time
        ids = ",".join(str(user.pk) for user in users)
        with tempfile.TemporaryDirectory() as directory:
            end = Path(directory) / "end"
            flushers = [start_child("flush_often", end) for _ in range(2)]
            markers = [start_child("mark", seed, ids) for seed in range(processes)]
            try:
                marked = [finish(marker) for marker in markers]
            finally:
                end.touch()
            flushed = [finish(flusher) for flusher in flushers]
        self.assertEqual(sum(marked), 500)
        self.assertGreater(sum(flushed), 0)
        self.assertEqual(counter.values(users), dict.fromkeys(users, 0))
        counter.flush()
        self.assertEqual([self.stored(user) or 0 for user in users], [0] * 5)


class KilledFlushTest(CounterTestCase):
    def kill_at(self, point: str) -> None:
        child = start_child("flush_until_killed", point, 2)
        _, errors = child.communicate(timeout=60)
        self.assertEqual(child.returncode, -signal.SIGKILL, f"{point}: it did not die there\n{errors}")

    def points(self) -> list[str]:
        of_rows = [point for point in POINTS if "rows" in point]
        return [point for point in POINTS if (point in of_rows) != uses_redis()]

    def test_the_next_flush_ends_exact_wherever_one_was_killed(self) -> None:
        users = self.make_users(9)
        for place, user in enumerate(users):
            notify(user, place + 1)
        for point in self.points():
            with self.subTest(point=point):
                for user in users:
                    notify(user)
                self.kill_at(point)
                self.assert_exact(users)
                notify(users[0])
                counter.flush(chunk=2)
                self.assert_exact(users)
                self.assert_stored_exact(users, point)
                self.assertEqual(counter.status().keys, 0)
