"""How long keys are known: as long as the notification, and some days after it has gone."""

from __future__ import annotations

import datetime
import io

from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.utils import timezone

from notifications_counter.exceptions import InvalidSettings
from notifications_counter.inbox import deliveries, notify
from notifications_counter.inbox.conf import inbox_settings
from notifications_counter.inbox.deliveries import forget_keys
from notifications_counter.inbox.models import Delivery
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase

from .settings import with_inbox

DAY = datetime.date(2026, 3, 1)


def after(days: int) -> datetime.date:
    return DAY + datetime.timedelta(days=days)


class KeysTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(5)
        self.enterContext(with_inbox(KEEP_KEYS_DAYS=30))

    def known(self, key: str) -> set[str]:
        """Who is passed over."""
        rows = Delivery.objects.filter(key=deliveries.digest_of(key))
        return set(rows.values_list("user__username", flat=True))

    def test_a_key_is_known_while_its_notification_is_there_and_so_many_days_after(self) -> None:
        notify(self.users, "x", key="a")
        notify(self.users[:2], "x", key="b")
        self.assertEqual(forget_keys(today=after(1000)), 0)
        Notification.objects.filter(user__in=self.users[1:3]).delete()
        for days, forgotten in ((0, 0), (29, 0), (30, 3), (31, 0)):
            self.assertEqual(forget_keys(today=after(days)), forgotten, days)
        self.assertEqual(self.known("a"), {"user0", "user3", "user4"})
        self.assertEqual(self.known("b"), {"user0"})

    def test_it_looks_at_each_delivery_chunk_by_chunk_and_can_be_stopped(self) -> None:
        chunk, deliveries.CHUNK = deliveries.CHUNK, 2
        try:
            for key in "abc":
                notify(self.users, "x", key=key)
            Notification.objects.exclude(user=self.users[4]).delete()
            self.assertEqual(forget_keys(today=DAY, stop=lambda: True), 0)
            self.assertEqual(forget_keys(today=DAY), 0)
            self.assertEqual(forget_keys(today=after(30)), 12)
            self.assertEqual(Delivery.objects.count(), 3)
        finally:
            deliveries.CHUNK = chunk

    def test_without_days_the_first_run_forgets(self) -> None:
        with with_inbox(KEEP_KEYS_DAYS=0):
            notify(self.users, "x", key="a")
            Notification.objects.all().delete()
            out = io.StringIO()
            call_command("notification_forget_keys", stdout=out)
        self.assertIn("5 keys", out.getvalue())
        self.assertEqual(notify(User.objects.all(), "x", key="a").sent, 5)

    def test_a_prune_begins_the_days_and_a_later_one_ends_them(self) -> None:
        notify(self.users, "x", key="a")
        Notification.objects.filter(user=self.users[0]).update(created_at=timezone.now() - datetime.timedelta(days=100))
        Delivery.objects.filter(user=self.users[0]).update(
            created_at=Notification.objects.get(user=self.users[0]).created_at
        )
        call_command("notification_prune", older_than="90d", dry_run=True, verbosity=0)
        self.assertEqual(Delivery.objects.filter(gone_on=None).count(), 5)
        call_command("notification_prune", older_than="90d", verbosity=0)
        self.assertEqual(Delivery.objects.filter(gone_on=None).count(), 4)
        self.assertEqual(notify(self.users, "x", key="a").already_sent, 5)
        Delivery.objects.exclude(gone_on=None).update(gone_on=timezone.now().date() - datetime.timedelta(days=30))
        call_command("notification_prune", older_than="90d", verbosity=0)
        self.assertEqual(self.known("a"), {"user1", "user2", "user3", "user4"})

    def test_a_database_that_is_not_there_is_named(self) -> None:
        with self.assertRaisesRegex(CommandError, "'nowhere'"):
            call_command("notification_forget_keys", database="nowhere")


class SettingsTest(CounterTestCase):
    def test_what_cannot_be_is_refused_by_the_check(self) -> None:
        for name, value in (
            ("KEEP_KEYS_DAYS", -1),
            ("KEEP_KEYS_DAYS", True),
            ("DELETE_WITH_TARGET", "shop.Order"),
            ("DELETE_WITH_TARGET", ["Order"]),
            ("DELETE_WITH_TARGET", None),
            ("DELETE_WITH_TARGETS", True),
        ):
            with self.subTest(name, value=value), with_inbox(**{name: value}):
                with self.assertRaisesRegex(InvalidSettings, name):
                    inbox_settings()
                self.assertIn("notifications_counter.E090", [each.id for each in run_checks(tags=["compatibility"])])

    def test_a_model_that_is_not_there_is_named_by_the_check(self) -> None:
        with with_inbox(DELETE_WITH_TARGET=["testapp.Ticket", "testapp.Tikcet"]):
            (found,) = [each for each in run_checks(tags=["compatibility"]) if each.id == "notifications_counter.W090"]
        self.assertIn("'testapp.Tikcet'", found.msg)
