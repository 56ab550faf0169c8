"""Housekeeping with the inbox installed: the admin's pages in a browser, and a prune that every number follows."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from notifications_counter.counters import counters
from notifications_counter.inbox.numbers import numbers_of
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, behind_djangos_back, notify
from tests.support.browser import BrowserTestCase, once


class PruneTest(CounterTestCase):
    def test_every_number_of_the_inbox_follows_a_prune(self) -> None:
        (user,) = self.make_users(1)
        old = timezone.now() - timedelta(days=100)
        notify(user, 3, kind="comment", created_at=old)
        notify(user, 2, kind="like", created_at=old, seen=True)
        notify(user, 1, kind="like")
        before = numbers_of(user)
        self.assertEqual((before.unread, before.unseen, dict(before.by_kind)), (6, 4, {"comment": 3, "like": 3}))
        call_command("notification_prune", older_than="90d", keep=2, stdout=StringIO())
        now = numbers_of(user)
        self.assertEqual((now.unread, now.unseen, dict(now.by_kind)), (2, 1, {"like": 2}))
        self.assertGreater(now.revision, before.revision)
        self.assertEqual(Notification.objects.count(), 2)


class AuditTest(CounterTestCase):
    def test_no_check_asks_a_site_for_an_index_of_the_package_s_own_tables(self) -> None:
        audited = {**settings.NOTIFICATIONS_COUNTER, "AUDIT_INTERVAL": 86_400}
        found = StringIO()
        with override_settings(NOTIFICATIONS_COUNTER=audited):
            call_command("check", databases=["default"], stderr=found)
        self.assertNotIn("(notifications_counter.W064) notifications_counter", found.getvalue())


@once
class AdminInBrowserTest(BrowserTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        self.chief = User.objects.create_superuser("chief")
        notify(self.user, 3, kind="comment")

    def test_one_finds_a_wrong_count_corrects_it_and_sees_it(self) -> None:
        for each in counters():
            each.flush()
        behind_djangos_back(self.user, 2)
        page = self.new_page(self.chief)
        page.goto(reverse("admin:notifications_counter_user", args=[self.user.pk]))
        row = page.get_by_role("row", name="Unread counts 3 0 5 wrong by 2")
        row.wait_for()
        page.get_by_role("row", name="Unread counts by kind: comment 3 0 3 right").wait_for()
        self.assert_accessible(page, within="#content")
        page.get_by_role("button", name="Recount").click()
        page.get_by_text("Unread counts: stored 3, pending 0, actual 5; corrected by +2.").wait_for()
        page.get_by_role("button", name="Flush").click()
        page.get_by_role("row", name="Unread counts 5 0 5 right").wait_for()

    def test_the_status_draws_what_flushes_did_in_light_and_dark(self) -> None:
        for scheme in ("light", "dark"):
            page = self.new_page(self.chief, color_scheme=scheme)
            page.goto(reverse("admin:notifications_counter_status"))
            page.get_by_role("button", name="Flush now").click()
            page.get_by_role("img", name="Counts changed by flushes, minute by minute").wait_for()
            self.assertGreater(page.locator("svg rect").first.bounding_box()["height"], 0)
            page.get_by_role("heading", level=1, name="Status of the counters").wait_for()
            page.get_by_role("heading", level=2, name="Flushes").wait_for()
            self.assert_accessible(page, within="#content")


@once
@override_settings(MIDDLEWARE=settings.MIDDLEWARE)  # the scripts of Django's own forms break the policy of the others
class FormInBrowserTest(BrowserTestCase):
    def test_a_user_is_chosen_by_typing(self) -> None:
        (user,) = self.make_users(1)
        page = self.new_page(User.objects.create_superuser("chief"))
        page.goto(reverse("admin:notifications_counter_notification_add"))
        page.locator(".field-user .select2-selection").click()
        page.locator(".select2-search__field").fill("user0")
        page.get_by_role("option", name="user0").click()
        page.get_by_label("Text").fill("Your parcel has arrived")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("was added successfully").wait_for()
        page.get_by_label("Select this object for an action").check()
        page.get_by_text("1 of 1 selected").wait_for()
        self.assertEqual(numbers_of(user).unread, 1)
