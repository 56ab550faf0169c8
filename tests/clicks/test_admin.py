"""The admin of links: the top ones, the chart, the tables for other programs."""

import csv
import io
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from notifications_counter.contrib.clicks import ClickEvent
from notifications_counter.contrib.clicks.models import Click, ClickDay
from notifications_counter.contrib.clicks.recording import count
from tests.support.base import CounterTestCase

from .test_recording import URL, flush

OTHER = "https://example.com/other"
LIST = "admin:notifications_counter_clicks_click_changelist"


def clicked(url: str, times: int, days_ago: int = 0, *, is_bot: bool = False) -> None:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    count([ClickEvent(f"{n:032x}", url, is_bot, at) for n in range(times)])


class AdminTests(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user = User.objects.create_user("editor", is_staff=True)
        kind = ContentType.objects.get_for_model(Click)
        self.user.user_permissions.add(Permission.objects.get_or_create(codename="view_click", content_type=kind)[0])
        self.client.force_login(self.user)
        clicked(URL, 2, 1)
        clicked(OTHER, 5, 2)
        clicked(OTHER, 3, is_bot=True)
        clicked(OTHER, 1, 40)
        flush()

    def rows(self, name: str, query: str = "") -> list[list[str]]:
        answer = self.client.get(reverse(f"admin:notifications_counter_clicks_{name}") + query)
        self.assertEqual(answer["Content-Type"], "text/csv; charset=utf-8")
        self.assertIn("attachment", answer["Content-Disposition"])
        return list(csv.reader(io.StringIO(b"".join(answer).decode())))  # type: ignore[arg-type]

    def test_the_links_that_are_clicked_most_come_first(self) -> None:
        page = self.client.get(reverse(LIST)).content.decode()
        self.assertLess(page.index(f">{OTHER}</a>"), page.index(f">{URL}</a>"))

    def test_the_list_shows_what_is_not_flushed_yet(self) -> None:
        Click.objects.increment_clicks(URL, 70)
        self.assertContains(self.client.get(reverse(LIST)), '<td class="field-people">72</td>', html=True)

    def test_the_chart_has_a_bar_for_each_of_30_days(self) -> None:
        page = self.client.get(reverse(LIST)).content.decode()
        self.assertEqual(page.count("<g><title>"), 30)
        self.assertIn("7 by people, 3 by programs, at most 5 in a day", page)

    def test_a_link_has_a_chart_of_its_own(self) -> None:
        page = self.client.get(reverse("admin:notifications_counter_clicks_click_change", args=[URL]))
        self.assertContains(page, "2 by people, 0 by programs, at most 2 in a day")
        self.assertNotContains(page, 'name="_save"')

    def test_links_and_days_as_csv(self) -> None:
        self.assertEqual(self.rows("links"), [["url", "people", "programs"], [OTHER, "6", "3"], [URL, "2", "0"]])
        days = self.rows("days")
        self.assertEqual(days[0], ["url", "day", "people", "programs"])
        self.assertEqual([row[2:] for row in days[1:]], [["2", "0"], ["1", "0"], ["5", "0"], ["0", "3"]])

    def test_the_tables_have_what_was_searched_for(self) -> None:
        self.assertEqual([row[0] for row in self.rows("links", "?q=other")[1:]], [OTHER])
        self.assertEqual({row[0] for row in self.rows("days", "?q=other")[1:]}, {OTHER})

    def test_the_counts_of_days_are_among_those_with_composite_keys(self) -> None:
        self.client.force_login(User.objects.create_superuser("root"))
        listed = self.client.get(f"{reverse('admin:notifications_counter_composite')}{ClickDay._meta.label}/")
        self.assertContains(listed, OTHER)

    def test_only_those_who_may_see_links_see_them(self) -> None:
        self.user.user_permissions.clear()
        for name in [LIST, "admin:notifications_counter_clicks_links", "admin:notifications_counter_clicks_days"]:
            with self.subTest(name):
                self.assertEqual(self.client.get(reverse(name)).status_code, 403)

    def test_nothing_can_be_changed(self) -> None:
        self.client.force_login(User.objects.create_superuser("root"))
        for name in ("change", "delete"):
            with self.subTest(name):
                address = reverse(f"admin:notifications_counter_clicks_click_{name}", args=[URL])
                self.assertEqual(self.client.post(address, {"post": "yes"}).status_code, 403)
        self.assertEqual(Click.objects.count(), 2)
