"""The admin's pages of one user's counts and of the status, and how notifications are listed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from notifications_counter import admin as counts_admin
from notifications_counter.models import FlushRecord, Notification, UserNotificationsCount
from notifications_counter.monitoring import history
from tests.support.base import (
    CounterTestCase,
    behind_djangos_back,
    counter,
    default_buffer,
    notify,
    uses_redis,
)
from tests.support.servers import free_port

STATUS = "admin:notifications_counter_status"
NOTIFICATIONS = "admin:notifications_counter_notification_changelist"
REDIS = "notifications_counter.buffers.redis.RedisBuffer"


def cells(page: Any) -> list[list[str]]:
    """The texts of a page's tables, row by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", page.content.decode(), re.DOTALL)
    found = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows)
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in found]


class OperationsTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        self.client.force_login(User.objects.create_superuser("chief"))
        self.page = reverse("admin:notifications_counter_user", args=[self.user.pk])

    def staff(self, *permissions: str) -> None:
        """Log in somebody who may do only this."""
        somebody = User.objects.create(username="staff", is_staff=True)
        of = ContentType.objects.get_for_model(UserNotificationsCount)
        for name in permissions:
            found, _ = Permission.objects.get_or_create(content_type=of, codename=name, defaults={"name": name})
            somebody.user_permissions.add(found)
        self.client.force_login(somebody)

    def post(self, page: str, **data: str) -> str:
        return self.client.post(page, data, follow=True).content.decode()


class UserPageTest(OperationsTestCase):
    def row(self) -> list[str]:
        return next(row for row in cells(self.client.get(self.page)) if row[0] == "Unread counts")

    def test_stored_pending_and_actual_stand_side_by_side(self) -> None:
        notify(self.user, 2)
        counter.flush()
        notify(self.user, 3)
        self.assertEqual(self.row(), ["Unread counts", "2", "3", "5", "right"])
        behind_djangos_back(self.user, 2)
        self.assertEqual(self.row(), ["Unread counts", "2", "3", "7", "wrong by 2"])

    def test_a_user_whom_no_flush_has_met_has_a_page_and_who_is_none_has_not(self) -> None:
        self.assertEqual(self.row(), ["Unread counts", "0", "0", "0", "right"])
        for key in ("0", "nobody", "9" * 30, "_0A"):
            page = reverse("admin:notifications_counter_user", args=[key])
            self.assertEqual(self.client.get(page).status_code, 404, key)

    def test_the_list_leads_there(self) -> None:
        notify(self.user)
        counter.flush()
        listed = reverse("admin:notifications_counter_usernotificationscount_changelist")
        own = reverse("admin:notifications_counter_usernotificationscount_change", args=[self.user.pk])
        self.assertContains(self.client.get(listed), own)
        self.assertRedirects(self.client.get(own), self.page)

    def test_recount_says_what_was_found_and_corrects_it(self) -> None:
        behind_djangos_back(self.user, 2)
        said = self.post(self.page, action="recount")
        self.assertIn("Unread counts: stored 0, pending 0, actual 2; corrected by +2.", said)
        self.assertEqual(counter.value(self.user), 2)
        self.assertIn("stored 0, pending 2, actual 2; right.", self.post(self.page, action="recount"))

    def test_flush_stores_what_is_pending(self) -> None:
        notify(self.user, 2)
        said = self.post(self.page, action="flush")
        self.assertIn("Unread counts: 1 count changed", said)
        self.assertEqual(self.stored(self.user), 2)
        self.assertIn("Nothing was pending.", self.post(self.page, action="flush"))

    def test_both_work_where_each_request_is_a_transaction(self) -> None:
        self.addCleanup(connection.settings_dict.update, ATOMIC_REQUESTS=False)
        connection.settings_dict["ATOMIC_REQUESTS"] = True
        notify(self.user, 2)
        self.post(self.page, action="flush")
        self.assertEqual(self.stored(self.user), 2)
        self.assertEqual(self.row(), ["Unread counts", "2", "0", "2", "right"])

    def test_an_unknown_action_changes_nothing_and_is_named(self) -> None:
        notify(self.user)
        self.assertIn("Choose what to do: recount or flush.", self.post(self.page, action="delete"))
        self.assertIsNone(self.stored(self.user))

    def test_who_may_only_view_sees_no_button_and_is_refused(self) -> None:
        self.staff("view_usernotificationscount")
        page = self.client.get(self.page)
        self.assertEqual(page.status_code, 200)
        self.assertNotContains(page, 'value="recount"')
        for action in ("recount", "flush"):
            self.assertEqual(self.client.post(self.page, {"action": action}).status_code, 403)

    def test_counts_of_models_that_one_may_not_view_are_left_out(self) -> None:
        everything = {row[0] for row in cells(self.client.get(self.page)) if len(row) > 1}
        self.staff("view_usernotificationscount")
        own = {row[0] for row in cells(self.client.get(self.page)) if len(row) > 1}
        self.assertEqual(own & everything, {"Model name", "Count", "Unread counts"})
        self.assertIn("Inbox counts", everything - own)

    def test_who_may_do_nothing_is_refused_and_a_stranger_is_sent_to_the_login(self) -> None:
        self.staff()
        self.assertEqual(self.client.get(self.page).status_code, 403)
        self.assertEqual(self.client.post(self.page, {"action": "recount"}).status_code, 403)
        self.client.logout()
        self.assertEqual(self.client.get(self.page).status_code, 302)

    def test_a_request_from_another_site_is_refused(self) -> None:
        from django.test import Client

        strict = Client(enforce_csrf_checks=True)
        strict.force_login(User.objects.get(username="chief"))
        self.assertEqual(strict.post(self.page, {"action": "recount"}).status_code, 403)

    def test_a_name_with_markup_is_shown_as_text(self) -> None:
        User.objects.filter(pk=self.user.pk).update(username="<script>alert(1)</script>")
        page = self.client.get(self.page).content.decode()
        self.assertNotIn("<script>alert", page)
        self.assertIn("&lt;script&gt;alert", page)

    def test_a_buffer_that_does_not_answer_is_said_on_the_page_and_by_messages(self) -> None:
        if not uses_redis():
            self.skipTest("the database buffer has no server")
        with default_buffer(REDIS, {"URL": f"redis://127.0.0.1:{free_port()}/0", "TIMEOUT": 0.2}):
            self.assertIn("Connection refused", " ".join(self.row()))
            for action in ("recount", "flush"):
                self.assertIn('<li class="error">', self.post(self.page, action=action), action)
            status = self.client.get(reverse(STATUS))
            self.assertContains(status, "<strong>Problem:</strong> Redis buffer")


class StatusPageTest(OperationsTestCase):
    def test_it_shows_what_is_pending_and_flushes_it(self) -> None:
        notify(self.user, 2)
        row = next(row for row in cells(self.client.get(reverse(STATUS))) if row[0].startswith("Unread counts "))
        self.assertEqual(row[1:4], ["1", "0", "never"])
        said = self.post(reverse(STATUS))
        self.assertIn("Unread counts: 1 count changed", said)
        self.assertEqual(self.stored(self.user), 2)
        row = next(row for row in cells(self.client.get(reverse(STATUS))) if row[0].startswith("Unread counts "))
        self.assertEqual(row[1], "0")

    def test_flushes_are_drawn_and_listed(self) -> None:
        self.assertContains(self.client.get(reverse(STATUS)), "No flush has changed anything in the last 120 minutes.")
        notify(self.user, 2)
        counter.flush()
        page = self.client.get(reverse(STATUS))
        self.assertContains(page, "<rect ", count=1)
        self.assertContains(page, "1 in the last 120 minutes, at most 1 in one.")
        self.assertIn(["Unread counts", "1", "1", "0", "0", "0"], [row[1:7] for row in cells(page)])
        self.assertNotContains(page, "style=")

    def test_who_may_only_view_sees_its_own_counters_and_cannot_flush(self) -> None:
        notify(self.user)
        self.staff("view_usernotificationscount")
        page = self.client.get(reverse(STATUS))
        self.assertContains(page, "notifications_counter.UserNotificationsCount.counter")
        self.assertNotContains(page, "testapp.")
        self.assertNotContains(page, "Flush now")
        self.assertEqual(self.client.post(reverse(STATUS)).status_code, 403)
        self.assertIsNone(self.stored(self.user))

    def test_a_drift_that_the_audit_found_is_shown(self) -> None:
        from notifications_counter.ledger.tables import Progress

        moment = timezone.now() - timedelta(hours=3)
        Progress.objects.filter(counter=counter.label).update(drift_at=moment, drift_keys=2, drift_amount=7)
        self.assertContains(self.client.get(reverse(STATUS)), "3\xa0hours ago: 2 counts, by 7")


class HistoryTest(CounterTestCase):
    def flush(self, number: int) -> None:
        (user,) = User.objects.filter(username="user0") or self.make_users(1)
        notify(user, number)
        counter.flush()

    def test_flushes_of_one_minute_share_a_row_and_idle_ones_leave_none(self) -> None:
        counter.flush()
        self.assertEqual(FlushRecord.objects.count(), 0)
        for _ in range(3):
            self.flush(2)
            counter.flush()
        rows = FlushRecord.objects.filter(counter=counter.label)
        self.assertLessEqual(len(rows), 2)
        self.assertEqual((sum(row.flushes for row in rows), sum(row.keys for row in rows)), (3, 3))

    def test_only_the_newest_minutes_are_kept(self) -> None:
        now = history.this_minute()
        FlushRecord.objects.bulk_create(
            FlushRecord(counter=counter.label, minute=now - timedelta(minutes=number)) for number in range(1, 600)
        )
        FlushRecord.objects.create(counter="another", minute=now - timedelta(days=9))
        self.flush(1)
        rows = FlushRecord.objects.filter(counter=counter.label).order_by("minute")
        self.assertEqual(len(rows), history.KEPT)
        self.assertTrue(FlushRecord.objects.filter(counter="another").exists())

    def test_before_the_migration_a_flush_works_and_the_log_says_what_is_missing(self) -> None:
        table = FlushRecord._meta.db_table
        self.rename(table, "nc_elsewhere")
        try:
            with self.assertLogs("notifications_counter", "WARNING") as logs:
                self.flush(2)
        finally:
            self.rename("nc_elsewhere", table)
        self.assertIn("what the flush did could not be noted", logs.output[0])
        self.assertEqual(UserNotificationsCount.objects.get().unread_count, 2)

    def rename(self, old: str, new: str) -> None:
        with connection.schema_editor() as editor:
            editor.alter_db_table(FlushRecord, old, new)

    def test_a_dump_leaves_it_out(self) -> None:
        self.flush(1)
        self.assertEqual(FlushRecord._default_manager.count(), 0)


class NotificationListTest(OperationsTestCase):
    def test_long_texts_are_cut_in_the_list(self) -> None:
        notify(self.user)
        Notification.objects.update(text="word\n" * 100)
        page = self.client.get(reverse(NOTIFICATIONS))
        self.assertContains(page, "word word")
        self.assertNotContains(page, "word " * 20)
        self.assertContains(page, "…")

    def test_notifications_are_marked_as_unread(self) -> None:
        rows = notify(self.user, 3, has_read=True)
        data = {"action": "mark_as_unread", "_selected_action": [row.pk for row in rows[:2]]}
        said = self.client.post(reverse(NOTIFICATIONS), data, follow=True)
        self.assertContains(said, "2 notifications were marked as unread.")
        self.assertEqual(counter.value(self.user), 2)

    def test_users_are_found_by_typing_where_their_admin_can_be_searched(self) -> None:
        page = reverse("admin:notifications_counter_notification_add")
        self.assertContains(self.client.get(page), 'class="admin-autocomplete"')
        own = admin.site.get_model_admin(User)
        self.addCleanup(setattr, own, "search_fields", own.search_fields)
        own.search_fields = ()
        shown = self.client.get(page)
        self.assertNotContains(shown, 'class="admin-autocomplete"')
        self.assertContains(shown, 'class="vForeignKeyRawIdAdminField"')

    def test_no_statement_of_the_list_reads_a_whole_table(self) -> None:
        Notification.objects.bulk_create(Notification(user=self.user, text="x", kind="parcel") for _ in range(101))
        with CaptureQueriesContext(connection) as queries:
            self.client.get(reverse(NOTIFICATIONS))
        table = f"FROM {connection.ops.quote_name('notifications_counter_notification')}"
        reads = [each["sql"] for each in queries if table in each["sql"]]
        self.assertTrue(reads)
        self.assertEqual([sql for sql in reads if "LIMIT" not in sql], [])

    def test_it_says_where_it_lists_and_counts_no_further(self) -> None:
        self.addCleanup(setattr, counts_admin, "LISTED", counts_admin.LISTED)
        counts_admin.LISTED = 5
        notify(self.user, 8)
        page = self.client.get(reverse(NOTIFICATIONS))
        self.assertContains(page, "Only the newest 5 are listed and counted. Search or filter for others.")
        self.assertEqual(page.context["cl"].result_count, 5)
        self.assertContains(page, 'class="action-counter"')
        self.assertNotContains(page, "Select all 5")
        self.assertNotContains(self.client.get(reverse(NOTIFICATIONS) + "?q=number+1"), "Only the newest")
