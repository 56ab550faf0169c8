"""Who comes and leaves, as streams of a real server and a real browser show it."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.models import User

from notifications_counter.contrib.online import get_users_online, report_user
from notifications_counter.contrib.online.layouts import layout
from tests.support.base import CounterTestCase
from tests.support.browser import BrowserMixin, once, session_of
from tests.support.event_stream import EventStream
from tests.support.web_servers import WebServer, web_server

from .test_presence import report_at


class SiteTestCase(CounterTestCase):
    server: WebServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = cls.enterClassContext(web_server(settings="tests.online.site_settings"))

    def setUp(self) -> None:
        super().setUp()
        self.ada, self.ben = (User.objects.create(username=name) for name in ("ada", "ben"))

    def stream(self, user: User | None) -> EventStream:
        session = "" if user is None else session_of(user)
        return self.enterContext(EventStream(self.server.url, session, path="/online/live/", event="online"))


def next_change(stream: EventStream, kind: str, after: int) -> tuple[dict[str, Any], set[str]]:
    """The next event that says who has joined or left after a second, and who."""
    while True:
        event = stream.next()
        assert event is not None
        changes = [change for change in event["changes"] if change["second"] > after]
        if names := {name for change in changes for name in change[kind]}:
            return event, names


class StreamTest(SiteTestCase):
    def test_who_comes_and_who_leaves_is_told_to_all_in_one_message_each(self) -> None:
        streams = [self.stream(self.ada), self.stream(self.ben)]
        for stream in streams:
            first = stream.next()
            assert first is not None
            self.assertEqual(first["number"], 0)
        began = int(time.time())
        time.sleep(1)  # somebody listens from now on
        report_at("gone", 597)
        names = {f"user{place}" for place in range(30)}
        moment = time.time() % 1
        time.sleep(1.05 - moment)  # at the beginning of a second
        for name in names:
            report_user(name)
        for stream in streams:
            seen: set[str] = set()
            messages = 0
            while seen != names:
                event, seen = next_change(stream, "joined", began)
                messages += 1
            self.assertLessEqual(messages, 3)  # not one for each of the 30
            event, left = next_change(stream, "left", began)
            self.assertEqual((event["number"], left), (30, {"gone"}))

    def test_who_goes_on_reporting_comes_once(self) -> None:
        stream = self.stream(self.ada)
        stream.next()
        began = int(time.time())
        time.sleep(1)
        report_user("ben")
        event, names = next_change(stream, "joined", began)
        self.assertEqual((names, event["number"]), ({"ben"}, 1))
        time.sleep(1.1)
        report_user("ben")
        with self.assertRaises(TimeoutError):
            while True:
                event = stream.next(3) or {}
                joined = [change["joined"] for change in event["changes"] if change["second"] > began]
                self.assertEqual(joined, [["ben"]])

    def test_without_a_session_nobody_is_shown(self) -> None:
        self.assertEqual(self.stream(None).status, 401)


@once
class BrowserTest(BrowserMixin, SiteTestCase):
    def wait_for(self, page: Any, expression: str, wanted: object, within: float = 20) -> None:
        end = time.monotonic() + within
        while (found := page.evaluate(expression)) != wanted:
            assert time.monotonic() < end, f"{found!r}, not {wanted!r}"
            time.sleep(0.05)

    def test_a_page_shows_who_comes_and_who_leaves_while_it_is_looked_at(self) -> None:
        names = "[...document.querySelectorAll('users-online li')].map((item) => item.textContent)"
        number = "document.querySelector('.nc-online-number').textContent"
        page = self.new_context(self.ada, self.server.url).new_page()
        page.goto("/who/")
        self.wait_for(page, "document.querySelector('users-online').source?.readyState", 1)
        time.sleep(1.5)
        other = self.new_context(self.ben, self.server.url).new_page()
        other.goto("/who/")
        self.wait_for(page, names, ["ben", "ada"])
        self.wait_for(page, number, "2")
        self.assertEqual(get_users_online(), {"ada", "ben"})

    def test_a_prerendered_page_reports_nobody_until_it_is_looked_at(self) -> None:
        page = self.new_context(self.ada, self.server.url).new_page()
        page.goto("/ahead/")
        streams = "fetch('/streams/').then((response) => response.text())"
        self.wait_for(page, streams, "0")
        layout().forget("ada", ["u:"])
        time.sleep(2)
        self.assertEqual((page.evaluate(streams), page.evaluate("fetch('/asked/').then((r) => r.text())")), ("0", "1"))
        page.click("a")
        page.wait_for_url("**/who/")
        self.wait_for(page, "document.querySelector('users-online').source?.readyState", 1)
        self.assertEqual(page.evaluate(streams), "1")
