"""The admin pages."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications_counter.models import Notification, UserNotificationsCount
from tests.support.base import CounterTestCase, counter, notify

NOTIFICATIONS = "admin:notifications_counter_notification_changelist"
COUNTS = "admin:notifications_counter_usernotificationscount_changelist"


class AdminTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        self.client.force_login(User.objects.create_superuser("chief"))

    def test_its_section_has_a_name_of_its_own_beside_other_packages(self) -> None:
        names = [str(app["name"]) for app in self.client.get(reverse("admin:index")).context["app_list"]]
        self.assertIn("Notifications counter", names)
        self.assertEqual(len(names), len(set(names)))

    def make_more(self, number: int) -> list[User]:
        return [User.objects.create(username=f"more{place}") for place in range(number)]

    def act(self, action: str, rows: list[Notification]) -> str:
        data = {"action": action, "_selected_action": [row.pk for row in rows], "post": "yes"}
        return self.client.post(reverse(NOTIFICATIONS), data, follow=True).content.decode()

    def test_notifications_are_found_by_text_and_user_and_filtered(self) -> None:
        notify(self.user, 3)
        notify(self.user, has_read=True, kind="parcel")
        for query, number in (
            ("", 4),
            ("?q=number+1", 1),
            ("?q=user0", 4),
            ("?has_read__exact=1", 1),
            ("?kind=parcel", 1),
        ):
            page = self.client.get(reverse(NOTIFICATIONS) + query)
            self.assertEqual(page.context["cl"].result_count, number, query)

    def test_the_list_shows_the_actor_by_no_query_for_each(self) -> None:
        actors = self.make_more(3)
        for actor in actors:
            notify(self.user, actor=actor)
        with CaptureQueriesContext(connection) as queries:
            page = self.client.get(reverse(NOTIFICATIONS))
        for actor in actors:
            self.assertContains(page, actor.username)
        self.assertFalse([query for query in queries if f'"id" = {actors[0].pk} ' in query["sql"]])

    def test_the_action_marks_as_read_and_counts(self) -> None:
        rows = notify(self.user, 3)
        self.assertIn("2 notifications were marked as read", self.act("mark_as_read", rows[:2]))
        self.assertIn("1 notification was marked as read", self.act("mark_as_read", rows))
        self.assertEqual(counter.value(self.user), 0)

    def test_deleting_and_changing_counts(self) -> None:
        rows = notify(self.user, 3)
        self.act("delete_selected", rows[:1])
        self.assertEqual(counter.value(self.user), 2)
        page = reverse("admin:notifications_counter_notification_change", args=[rows[1].pk])
        self.client.post(page, {"user": self.user.pk, "text": "x", "kind": "", "url": "", "has_read": "on"})
        self.assertEqual(counter.value(self.user), 1)

    def test_a_user_with_a_count_can_be_deleted_and_a_count_by_itself_cannot(self) -> None:
        notify(self.user, 2)
        counter.flush()
        own = reverse("admin:notifications_counter_usernotificationscount_delete", args=[self.user.pk])
        self.assertEqual(self.client.post(own, {"post": "yes"}).status_code, 403)
        self.client.post(reverse("admin:auth_user_delete", args=[self.user.pk]), {"post": "yes"})
        self.assertFalse(User.objects.filter(pk=self.user.pk).exists())
        self.assertEqual(counter.value(self.user.pk), 0)

    def test_counts_are_shown_stored_and_exact_and_cannot_be_changed(self) -> None:
        notify(self.user, 2)
        counter.flush()
        notify(self.user)
        page = self.client.get(reverse(COUNTS) + "?q=user0")
        self.assertContains(page, '<td class="field-unread_count">2</td>', html=True)
        self.assertContains(page, '<td class="field-unread">3</td>', html=True)
        counter.add(dict.fromkeys(self.make_more(20), 1))
        counter.flush()
        with CaptureQueriesContext(connection) as queries:
            self.client.get(reverse(COUNTS))
        self.assertLess(len(queries), 10, "a query for each row")
        change = reverse("admin:notifications_counter_usernotificationscount_change", args=[self.user.pk])
        self.assertEqual(self.client.post(change, {"unread_count": 9}).status_code, 403)
        add = reverse("admin:notifications_counter_usernotificationscount_add")
        self.assertEqual(self.client.get(add).status_code, 403)
        self.assertEqual(UserNotificationsCount.objects.get(pk=self.user.pk).unread_count, 3)
