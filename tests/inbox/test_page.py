"""The page of the inbox, as it answers requests: with and without a script it is the same."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications_counter.inbox.numbers import numbers_of
from notifications_counter.inbox.paging import Cursor
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase

from .samples import fill, people, with_kinds

INBOX = "/inbox/"


class PageTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)
        self.client.force_login(self.user)

    def create(self, text: str = "text", minutes: float = 0, **values: Any) -> Notification:
        moment = timezone.now() - timedelta(minutes=minutes)
        return Notification.objects.create(**{"user": self.user, "text": text, "created_at": moment, **values})

    def page(self, query: str = "") -> str:
        response = self.client.get(INBOX + query)
        self.assertEqual(response.status_code, 200)
        return response.content.decode()

    def texts(self, query: str = "") -> list[str]:
        """What the page lists, from top to bottom."""
        items = re.findall(r'<p class="nc-text".*?</p>', self.page(query), re.DOTALL)
        return [" ".join(re.sub("<.*?>", "", item).split()) for item in items]

    def link(self, name: str, query: str = "") -> str:
        """The query string of a link of the page; '' where it is not there."""
        found = re.search(rf'<a[^>]*href="/inbox/([^"]*)" id="{name}"', self.page(query))
        return found[1].replace("&amp;", "&") if found else ""

    def state(self, *notifications: Notification) -> list[tuple[bool, bool]]:
        """Whether each is read and seen, as the database has it."""
        rows = {row.pk: (row.has_read, row.seen) for row in Notification.objects.all()}
        return [rows[each.pk] for each in notifications]


class ListTest(PageTestCase):
    def test_who_is_not_logged_in_is_asked_to_log_in(self) -> None:
        response = Client().get(INBOX + "?show=unread")
        self.assertRedirects(response, "/login/?next=/inbox/%3Fshow%3Dunread", fetch_redirect_response=False)

    def test_the_newest_is_first_and_only_ones_own_are_there(self) -> None:
        self.create("second", 5)
        self.create("first", 1, has_read=True)
        self.create("not mine", user=self.other)
        self.assertEqual(self.texts(), ["first", "Unread: second"])

    def test_the_page_is_kept_by_nobody(self) -> None:
        said = self.client.get(INBOX)["Cache-Control"]
        self.assertEqual({part.strip() for part in said.split(",")}, {"private", "no-store"})

    def test_an_empty_inbox_says_so(self) -> None:
        self.assertIn("Nothing here yet", self.page())
        self.assertIn("All caught up", self.page("?show=unread"))

    def test_looking_changes_nothing_however_often(self) -> None:
        one = self.create()
        before = numbers_of(self.user)
        for headers in ({}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}):
            self.client.get(INBOX, headers=headers)
        self.client.head(INBOX)
        self.assertEqual((numbers_of(self.user), self.state(one)), (before, [(False, False)]))

    def test_every_action_is_refused_by_get(self) -> None:
        for name in ("open", "mark-as-read", "mark-as-unread", "mark-all-as-read", "mark-as-seen", "delete"):
            self.assertEqual(self.client.get(f"{INBOX}{name}/").status_code, 405, name)

    def test_unread_ones_and_those_of_a_kind_can_be_chosen_together(self) -> None:
        self.create("old comment", 3, kind="comment", has_read=True)
        self.create("comment", 2, kind="comment")
        self.create("like", 1, kind="like")
        self.create("other", 0)
        self.assertEqual(self.texts("?kind=comment"), ["Unread: comment", "old comment"])
        self.assertEqual(self.texts("?show=unread&kind=comment"), ["Unread: comment"])
        self.assertEqual(self.texts("?kind="), ["Unread: other"])
        self.assertEqual(len(self.texts("?show=unread")), 3)

    @override_settings(USE_THOUSAND_SEPARATOR=True)
    def test_one_with_a_long_number_is_marked_where_numbers_have_separators(self) -> None:
        one = self.create(pk=1_234_567)
        (value,) = re.findall('name="id" value="([^"]*)"', self.page())
        self.client.post(f"{INBOX}mark-as-read/", {"id": value})
        self.assertEqual(self.state(one)[0][0], True)

    def test_each_tab_has_its_count_and_the_name_of_its_kind(self) -> None:
        for kind in ("comment", "comment", "like", ""):
            self.create(kind=kind)
        with with_kinds():
            html = self.page("?kind=like")
        tabs = re.search(r'<nav class="nc-kinds".*?</nav>', html, re.DOTALL)
        said = [" ".join(re.sub("<.*?>", " ", tab).split()) for tab in re.findall("<li>.*?</li>", tabs[0], re.DOTALL)]
        self.assertEqual(said, ["Everything 4 unread", "Comments 2 unread", "Likes 1 unread", "Other 1 unread"])
        self.assertRegex(html, r'id="inbox-kind-3" aria-current="true"')

    def test_a_kind_of_which_all_are_read_keeps_its_tab(self) -> None:
        self.create(kind="comment")
        self.create(kind="like")
        from tests.support.base import flush_all

        flush_all()
        Notification.objects.filter(kind="like").mark_as_read()
        self.assertIn("Like", self.page())

    def test_a_kind_that_the_page_shows_has_a_tab_before_the_first_flush_too(self) -> None:
        self.create(kind="comment")
        self.create(kind="like", has_read=True)
        self.assertIn("?kind=like", self.page())

    def test_the_number_of_queries_does_not_grow_with_the_page(self) -> None:
        fill(self.user)
        self.page()
        with CaptureQueriesContext(connection) as few:
            self.page()
        actors = people_more(30)
        for actor in actors:
            self.create("did something", actor=actor, target=actor, kind=f"kind {actor.pk}")
        with CaptureQueriesContext(connection) as many:
            self.page()
        self.assertLessEqual(len(many), len(few))

    def test_whatever_an_address_says_wrongly_is_as_if_it_were_not_there(self) -> None:
        self.create("here")
        for query in ("?after=x", "?before=%00", "?after=AAAA", "?show=everything", "?kind=%00", f"?kind={'x' * 65}"):
            self.assertEqual(self.texts(query), ["Unread: here"], query)

    def test_script_in_text_url_kind_and_actor_is_shown_as_text(self) -> None:
        evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
        actor = User.objects.create(username="evil", first_name=evil[:30], last_name=evil[:30])
        self.create(evil, url=f"javascript:{evil}", kind=evil[:60], actor=actor)
        html = self.page()
        self.assertNotIn("<script>alert", html)
        self.assertNotIn("<img", html)
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", html)


def people_more(number: int) -> list[User]:
    return User.objects.bulk_create([User(username=f"more{place}") for place in range(number)])


class PaginationTest(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        now = timezone.now()
        # Three at each moment: what is the same moment is told apart by its number.
        Notification.objects.bulk_create(
            Notification(user=self.user, text=f"{place:02}", created_at=now - timedelta(minutes=place // 3))
            for place in range(50)
        )
        newest_first = Notification.objects.order_by("-created_at", "-pk")
        self.all = [f"Unread: {each.text}" for each in newest_first]

    def test_pages_lead_through_all_of_them_and_back(self) -> None:
        second = self.link("inbox-older")
        last = self.link("inbox-older", second)
        self.assertEqual(self.texts() + self.texts(second) + self.texts(last), self.all)
        self.assertEqual(self.link("inbox-older", last), "")
        back = self.link("inbox-newer", last)
        self.assertEqual(self.texts(back), self.all[20:40])
        self.assertEqual(self.texts(self.link("inbox-newer", back)), self.all[:20])
        self.assertEqual(self.link("inbox-newer", self.link("inbox-newer", back)), "")

    def test_what_comes_meanwhile_moves_nothing(self) -> None:
        older = self.link("inbox-older")
        self.create("newer")
        self.assertEqual(self.texts(older), self.all[20:40])
        self.assertEqual(self.texts(self.link("inbox-newer", older)), self.all[:20])
        self.assertEqual(self.texts(self.link("inbox-newest", older))[0], "Unread: newer")

    def test_the_filter_goes_along(self) -> None:
        Notification.objects.update(kind="x")
        older = self.link("inbox-older", "?show=unread&kind=x")
        self.assertIn("show=unread&kind=x&after=", older)
        self.assertEqual(self.texts(older), self.all[20:40])

    def test_a_page_in_the_depth_is_found_at_its_place_on_mariadb(self) -> None:
        if connection.vendor != "mysql" or not connection.mysql_is_mariadb:
            self.skipTest("MariaDB's planner has to be told")
        moments = [timezone.now() - timedelta(hours=1, seconds=place) for place in range(5_000)]
        rows = [Notification(user=self.user, text="many", created_at=moment) for moment in moments]
        rows += [Notification(user=self.other, text="others", created_at=moment) for moment in moments]
        Notification.objects.bulk_create(rows)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE TABLE notifications_counter_notification")
        place = Cursor(moments[2_500], 0)
        for query in (f"?after={place}", f"?before={place}", f"?after={place}&show=unread"):
            with CaptureQueriesContext(connection) as captured:
                self.page(query)
            (statement,) = [
                each["sql"]
                for each in captured
                if "`id` DESC LIMIT 21" in each["sql"] or "`id` ASC LIMIT 21" in each["sql"]
            ]
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {statement}")
                plan = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
            self.assertEqual((plan["type"], plan["key"]), ("range", "nc_newest"), query)

    def test_a_page_in_the_depth_is_found_in_the_index_alone(self) -> None:
        if connection.vendor != "postgresql":
            self.skipTest("plans are compared on PostgreSQL")
        query = self.link("inbox-older")
        with CaptureQueriesContext(connection) as captured:
            self.page(query)
        (statement,) = [each["sql"] for each in captured if '"created_at" <=' in each["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
            cursor.execute("SET enable_sort = off")
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            cursor.execute("RESET ALL")
        self.assertRegex(plan, r"(?s)nc_newest.*Index Cond: .*created_at <=")


class GroupTest(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ada, self.grace, self.alan, *_ = people()
        self.about = {"kind": "comment", "target": self.other, "text": "commented"}

    def test_equal_ones_in_a_row_are_one_with_their_actors(self) -> None:
        for minutes, actor in enumerate([self.ada, self.grace, self.alan, self.ada]):
            self.create(minutes=minutes, actor=actor, **self.about)
        self.assertEqual(self.texts(), ["Unread: Ada Lovelace and 2 others commented"])
        self.assertIn("4 notifications", self.page())
        Notification.objects.filter(actor=self.alan).delete()
        self.assertEqual(self.texts(), ["Unread: Ada Lovelace and Grace Hopper commented"])
        Notification.objects.filter(actor=self.grace).delete()
        self.assertEqual(self.texts(), ["Unread: Ada Lovelace commented"])

    def test_what_differs_or_is_about_nothing_stands_by_itself(self) -> None:
        differing = [{"kind": "like"}, {"target": self.ada}, {"text": "said"}, {"has_read": True}, {"target": None}]
        for changes in [{}, *differing, {"target": None}]:
            self.create(actor=self.ada, **{**self.about, **changes})
        self.assertEqual(len(self.texts()), 7)

    def test_a_text_may_have_the_name_and_may_be_a_sentence_by_itself(self) -> None:
        self.create("Ada Lovelace commented", 0, actor=self.ada)
        self.create("ada waved", 1, actor=self.ada)
        self.create("New comment", 2, actor=self.ada)
        self.create("commented", 3)
        texts = [text.removeprefix("Unread: ") for text in self.texts()]
        self.assertEqual(texts, ["Ada Lovelace commented", "Ada Lovelace waved", "New comment", "commented"])
        self.assertRegex(self.page(), r"<span>Ada Lovelace</span>\s*<span>Other</span>")

    def test_a_group_counts_as_what_it_holds_and_is_marked_as_a_whole(self) -> None:
        group = [self.create(minutes=minutes, actor=self.ada, **self.about) for minutes in range(3)]
        self.assertIn("(3) Inbox", self.page())
        ids = re.findall(r'name="id" value="(\d+)"', self.page())
        self.assertEqual(ids, [str(each.pk) for each in group])
        self.client.post(f"{INBOX}mark-as-read/", {"id": ids})
        self.assertEqual(numbers_of(self.user).unread, 0)


class TypesTest(PageTestCase):
    def test_a_target_that_is_gone_or_whose_model_is_gone_does_no_harm(self) -> None:
        gone = ContentType.objects.create(app_label="gone", model="gone")
        self.create("one", target_type=gone, target_id="5")
        self.create("two", 1, target_type=ContentType.objects.get_for_model(User), target_id="no number")
        self.assertEqual(self.texts(), ["Unread: one", "Unread: two"])
