"""The buttons of the page: what they change, of whom, and where they lead."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.test import Client, override_settings

from notifications_counter.inbox.numbers import numbers_of
from notifications_counter.models import Notification

from .samples import with_kinds
from .test_page import INBOX, PageTestCase

ACTIONS = ["open", "mark-as-read", "mark-as-unread", "delete"]


class ActionTestCase(PageTestCase):
    def post(self, name: str, *notifications: Any, query: str = "", **values: Any) -> HttpResponse:
        ids = [getattr(each, "pk", each) for each in notifications]
        return self.client.post(f"{INBOX}{name}/{query}", {"id": ids, **values} if ids else values)


class MarkTest(ActionTestCase):
    def test_one_is_marked_as_read_and_as_unread_and_deleted(self) -> None:
        one, two = self.create("one", 0), self.create("two", 1)
        self.post("mark-as-read", one)
        self.assertEqual(self.texts(), ["one", "Unread: two"])
        self.post("mark-as-unread", one)
        self.assertEqual(self.texts(), ["Unread: one", "Unread: two"])
        self.post("delete", one)
        self.assertEqual(self.texts(), ["Unread: two"])
        self.assertEqual(numbers_of(self.user).unread, 1)
        self.assertEqual(self.state(two), [(False, False)])

    def test_it_leads_back_to_the_page_and_the_place_it_came_from(self) -> None:
        one = self.create(kind="a b")
        query = "?show=unread&kind=a+b&after=bm9uc2Vuc2U&next=//evil.example"
        response = self.post("mark-as-read", one, query=query)
        self.assertEqual(
            (response.status_code, response["Location"]), (302, f"/inbox/?show=unread&kind=a+b#inbox-{one.pk}")
        )

    def test_all_of_the_kind_on_the_page_are_marked_but_none_that_came_since(self) -> None:
        like, comment = self.create(kind="like"), self.create(kind="comment")
        until = self.client.get(INBOX).context["until"]
        newer = self.create(kind="like")
        self.post("mark-all-as-read", query="?kind=like&show=unread", until=until)
        self.assertEqual([read for read, _ in self.state(like, comment, newer)], [True, False, False])
        self.post("mark-all-as-read", until=until)
        self.assertEqual([read for read, _ in self.state(like, comment, newer)], [True, True, False])
        self.post("mark-all-as-read")
        self.assertEqual(numbers_of(self.user).unread, 0)

    def test_seen_is_what_the_page_had_and_stays_unread(self) -> None:
        one = self.create(minutes=-1)  # from a server whose clock is ahead
        until = self.client.get(INBOX).context["until"]
        newer = self.create(minutes=-2)
        self.assertEqual(self.post("mark-as-seen", until=until).status_code, 302)
        self.assertEqual(self.state(one, newer), [(False, True), (False, False)])
        numbers = numbers_of(self.user)
        self.assertEqual((numbers.unread, numbers.unseen), (2, 1))

    def test_another_users_notifications_stay_as_they_are(self) -> None:
        mine, theirs = self.create(), self.create(user=self.other, url="/secret/")
        read = self.create(user=self.other, has_read=True)
        before = self.state(theirs, read)
        for name in ACTIONS:
            response = self.post(name, theirs, read)
            self.assertTrue(response["Location"].startswith(INBOX), response["Location"])
        for name in ("mark-all-as-read", "mark-as-seen"):
            self.post(name)
        self.assertEqual(self.state(theirs, read), before)
        self.assertEqual(numbers_of(self.other).unread, 1)
        self.assertEqual(self.state(mine), [(True, False)])

    def test_a_form_that_the_page_would_not_send_changes_nothing_and_says_why(self) -> None:
        one = self.create()
        for ids in ([], ["x"], ["1", "\0"], [2**63], ["9" * 5000], ["-"], [one.pk] * 201):
            for name in ACTIONS:
                response = self.post(name, *ids)
                self.assertEqual(response.status_code, 400, ids)
                self.assertIn("'id'", response.content.decode())
                self.assertLess(len(response.content), 300)
        for until in ("", "yesterday", "2026-02-31T00:00:00Z", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00"):
            for name in ("mark-all-as-read", "mark-as-seen"):
                self.assertEqual(self.post(name, until=until).status_code, 400, until)
        self.assertEqual(self.state(one), [(False, False)])

    def test_without_a_token_every_action_is_refused(self) -> None:
        one = self.create()
        without = [each for each in settings.MIDDLEWARE if "Csrf" not in each]
        for middleware in (settings.MIDDLEWARE, without):
            with override_settings(MIDDLEWARE=middleware):
                client = Client(enforce_csrf_checks=True)
                client.force_login(self.user)
                for name in [*ACTIONS, "mark-all-as-read", "mark-as-seen"]:
                    self.assertEqual(client.post(f"{INBOX}{name}/", {"id": one.pk}).status_code, 403, name)
        self.assertEqual(self.state(one), [(False, False)])

    def test_who_is_logged_out_meanwhile_comes_back_to_the_page_after_logging_in(self) -> None:
        one = self.create()
        self.client.logout()
        response = self.post("open", one, query="?show=unread")
        self.assertEqual(response["Location"], "/login/?next=/inbox/%3Fshow%3Dunread")
        self.assertEqual(self.state(one), [(False, False)])


class OpenTest(ActionTestCase):
    def opened(self, url: str, **extra: Any) -> str:
        """Where a notification with a URL leads to."""
        one = self.create(url=url)
        response = self.client.post(f"{INBOX}open/", {"id": one.pk}, **extra)
        self.assertEqual((response.status_code, self.state(one)), (302, [(True, False)]))
        Notification.objects.filter(pk=one.pk).delete()
        return str(response["Location"])

    def test_it_leads_to_its_url_on_this_site(self) -> None:
        for url, expected in {
            "/orders/1/?a=b&c=d#e": "/orders/1/?a=b&c=d#e",
            "orders/1/": "/orders/1/",
            "?page=2": "/?page=2",
            "/größe/": "/gr%C3%B6%C3%9Fe/",
            "/a b/": "/a%20b/",
            "http://testserver/orders/": "http://testserver/orders/",
            "https://testserver/orders/": "https://testserver/orders/",
        }.items():
            self.assertEqual(self.opened(url), expected)

    def test_other_hosts_have_to_be_allowed(self) -> None:
        url = "https://shop.example:8443/orders/"
        self.assertEqual(urlsplit(self.opened(url)).path, INBOX)
        with with_kinds(ALLOWED_HOSTS=["shop.example:8443"]):
            self.assertEqual(self.opened(url), url)
            for other in ("https://shop.example/", "https://shop.example:8443.evil.example/"):
                self.assertEqual(urlsplit(self.opened(other)).path, INBOX, other)

    def test_what_leads_elsewhere_or_runs_a_script_leads_to_the_inbox(self) -> None:
        for url in (
            "//evil.example/",
            "///evil.example/",
            "/\\evil.example/",
            "\\\\evil.example",
            "https:evil.example",
            "https:///evil.example",
            "https://evil.example",
            "HTTPS://evil.example",
            "https://testserver@evil.example/",
            "https://testserver.evil.example/",
            "https://evil.example\\@testserver/",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\tscript:alert(1)",
            "\x01javascript:alert(1)",
            " \njavascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "/\t/evil.example/",
            "/\n/evil.example/",
            "ftp://testserver/",
            "http://[evil",
            "",
            "   ",
        ):
            self.assertTrue(self.opened(url).startswith(f"{INBOX}#inbox-"), url)

    def test_a_header_cannot_be_split(self) -> None:
        for url in ("/a\r\nSet-Cookie: a=b", "/a\nX: y", "/a\r", "/a\x85X: y", "/a\u2028b"):
            response = self.client.post(f"{INBOX}open/", {"id": self.create(url=url).pk})
            self.assertNotIn("\n", str(response.headers["Location"]))
            self.assertNotIn("a", response.cookies)

    def test_a_url_too_long_for_a_redirect_leads_to_the_inbox(self) -> None:
        self.assertTrue(self.opened("/" + "ß" * 499).startswith(INBOX))

    def test_a_page_by_https_leads_to_no_page_by_http(self) -> None:
        self.assertTrue(self.opened("http://testserver/orders/", secure=True).startswith(INBOX))

    def test_a_group_is_read_as_a_whole_and_leads_to_its_newest(self) -> None:
        old, new = self.create(minutes=2, url="/old/"), self.create(minutes=1, url="/new/")
        self.assertEqual(self.post("open", old, new)["Location"], "/new/")
        self.assertEqual(numbers_of(self.user).unread, 0)
