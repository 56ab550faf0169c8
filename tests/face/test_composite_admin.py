"""The admin's pages of counts with composite keys."""

from __future__ import annotations

from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.capture.test_composite import CompositeTestCase, by_kind
from tests.shop.models import MessagesByKind


class AdminTest(CompositeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(User.objects.create_superuser("chief"))
        self.page = reverse("admin:notifications_counter_composite_page", args=["shop.MessagesByKind"])

    def test_counts_are_listed_stored_and_exact_below_those_of_users(self) -> None:
        self.send(self.user, "a,b")
        by_kind.flush()
        self.send(self.user, "a,b")
        self.assertContains(
            self.client.get(reverse("admin:notifications_counter_usernotificationscount_changelist")),
            reverse("admin:notifications_counter_composite"),
        )
        self.assertContains(self.client.get(reverse("admin:notifications_counter_composite")), self.page)
        row = f"<tr><td>{self.user.pk}</td><td>a,b</td><td>1</td><td>2</td></tr>"
        self.assertContains(self.client.get(self.page), row, html=True)

    def test_they_are_searched_by_the_first_part_and_shown_in_pages(self) -> None:
        by_kind.add({(self.user, f"kind {number:03}"): 1 for number in range(150)} | {(self.other, "x"): 5})
        by_kind.flush()
        page = self.client.get(self.page, {"q": self.user.pk, "p": 2})
        self.assertContains(page, "<td>kind 149</td>", html=True)
        self.assertContains(page, "Page 2 of 2, 150 counts")
        self.assertNotContains(page, "<td>x</td>", html=True)
        self.assertContains(self.client.get(self.page, {"q": "nobody"}), "0 counts")
        with CaptureQueriesContext(connection) as queries:
            self.client.get(self.page)
        self.assertLess(len(queries), 10, "a query for each row")

    def test_only_who_may_view_them_sees_them_and_nobody_changes_them(self) -> None:
        staff = User.objects.create(username="staff", is_staff=True)
        self.client.force_login(staff)
        self.assertEqual(self.client.get(self.page).status_code, 403)
        self.assertNotContains(self.client.get(reverse("admin:notifications_counter_composite")), self.page)
        content_type = ContentType.objects.get_for_model(MessagesByKind)
        permission, _ = Permission.objects.get_or_create(
            content_type=content_type, codename="view_messagesbykind", defaults={"name": "view"}
        )
        staff.user_permissions.add(permission)
        self.assertEqual(self.client.get(self.page).status_code, 200)
        unknown = reverse("admin:notifications_counter_composite_page", args=["auth.User"])
        self.assertEqual(self.client.get(unknown).status_code, 404)
        self.client.logout()
        self.assertEqual(self.client.get(self.page).status_code, 302)
