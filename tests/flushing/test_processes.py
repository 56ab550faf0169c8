"""Several processes at once, and processes that die."""

import signal
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.db.models.signals import pre_save

from notifications_counter.controller import NotificationController
from notifications_counter.models import Notification, UserNotificationsCount
from tests.support.base import CounterTestCase, counter, finish, heavy, notify, start_child, true_count, uses_redis
from tests.support.children.flush_until_killed import POINTS
from tests.support.walks import unless_quick
from tests.testapp.models import ReadNotifications


@heavy
class ManyProcessesTest(CounterTestCase):
    def test_eight_processes_marking_the_same_rows_while_two_flush_end_exact(self) -> None:
        users = self.make_users(5)
        rows = [Notification(user=user, text="one of many") for user in users for _ in range(unless_quick(100))]
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
        self.assertEqual(sum(marked), len(rows))
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
                counter.flush(chunk_size=2)
                self.assert_exact(users)
                self.assert_stored_exact(users, point)
                self.assertEqual(counter.status().keys, 0)


class LockTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        if connection.vendor == "sqlite":
            self.skipTest("SQLite has one writer at a time")

    def in_thread(self, function: Callable[[], Any]) -> Future[Any]:
        def call() -> Any:
            try:
                return function()
            finally:
                connections.close_all()

        executor = ThreadPoolExecutor(1)
        self.addCleanup(executor.shutdown)
        return executor.submit(call)

    def test_a_flush_and_the_deletion_of_several_users_do_not_deadlock(self) -> None:
        users = User.objects.bulk_create([User(username=f"user{place}") for place in range(3000)])
        rows = [UserNotificationsCount(user=user) for user in reversed(users)]  # lying in the other order
        UserNotificationsCount.objects.bulk_create(rows)
        if connection.vendor == "postgresql":
            connection.cursor().execute("ANALYZE")
        counter.add(dict.fromkeys([users[0], *users[1:-1:31], users[-1]], 1))
        with transaction.atomic():
            users[0].delete()
            flushing = self.in_thread(counter.flush)
            time.sleep(1)
            users[-1].delete()
        self.assertTrue(flushing.result(30).ok)

    def test_a_user_who_is_deleted_during_a_flush_gets_no_row_back(self) -> None:
        user, other = self.make_users(2)
        for each in (user, other):
            notify(each)
        counter.flush()
        for each in (user, other):
            notify(each)
        pk = user.pk
        with transaction.atomic():
            user.delete()
            flushing = self.in_thread(counter.flush)
            time.sleep(1)
        self.assertTrue(flushing.result(30).ok)
        counter.flush()
        self.assertFalse(UserNotificationsCount.objects.filter(pk=pk).exists())
        self.assertEqual((counter.value(pk), self.stored(other)), (0, 2))

    def test_an_update_that_waits_while_one_row_leaves_it_and_another_joins_is_exact(self) -> None:
        for user, number in zip(self.make_users(2), (2, 500), strict=True):
            first, *_ = notify(user, 1)
            Notification.objects.bulk_create([Notification(user=user, text="one of many") for _ in range(1, number)])
            with transaction.atomic():
                Notification.objects.filter(pk=first.pk).update(has_read=True)
                notify(user)
                marking = self.in_thread(NotificationController(user).mark_all_as_read)
                time.sleep(1)
            marked = marking.result(30)
            self.assertEqual(true_count(user), number - marked, "a row was marked twice, or not at all")
            self.assert_exact([user])
            read = Notification.objects.filter(user=user, has_read=True).count()
            self.assertEqual(ReadNotifications.counter.value(user), read)

    def test_a_row_that_another_process_creates_under_the_same_key_counts_once(self) -> None:
        (user,) = self.make_users(1)

        def create_theirs(instance: Notification, **kwargs: Any) -> None:
            """Between our look for the row and the write of it."""
            if instance.text == "ours" and not Notification.objects.filter(text="theirs").exists():
                self.in_thread(Notification(pk=instance.pk, user=user, text="theirs").save).result(30)

        pre_save.connect(create_theirs, sender=Notification)
        try:
            Notification(pk=987, user=user, text="ours").save()
        finally:
            pre_save.disconnect(create_theirs, sender=Notification)
        self.assertEqual((Notification.objects.count(), counter.value(user)), (1, 1))
