"""The live badge in a real browser, on a real server that is restarted, cut off and replaced."""

import gzip
import time
import unittest
from functools import partial
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import tag

from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, finish, notify, start_child, true_count
from tests.support.browser import BrowserMixin, once, session_of
from tests.support.proxy import proxy
from tests.support.web_servers import web_server

#: Milliseconds in which a number must have come.
SOON = 2_000

NUMBER = "document.querySelector('unread-badge .unread-badge')"

#: What a badge shows; -1 before it has heard anything.
SHOWN = f"{NUMBER}?.parentNode.value === undefined ? -1 : {NUMBER}.hidden ? 0 : parseInt({NUMBER}.textContent)"

#: As on a platform whose apps have icons with numbers, which headless Chromium has not.
APP_BADGE = (
    "globalThis.badges = []; globalThis.refuses = false;"
    "Navigator.prototype.setAppBadge = async (number) => {"
    "  badges.push(number); if (refuses) throw new DOMException('no', 'NotAllowedError'); }"
)


def sorry(status, route):
    """Answer as a proxy does whose server is away, or in maintenance."""
    route.fulfill(status=status, body="Sorry")


class LiveBadgeTestCase(BrowserMixin, CounterTestCase):
    server_name = "uvicorn"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.enterClassContext(web_server(cls.server_name))

    def setUp(self):
        super().setUp()
        self.ada, self.ben = self.make_users(2)

    def browser_of(self, user, url=""):
        return self.new_context(user, url or self.server.url)

    def tab(self, context, query=""):
        page = context.new_page()
        page.goto(f"/page/{query}")
        return page

    def assert_shows(self, page, number, within=SOON):
        self.wait_for(page, SHOWN, number, within)

    def wait_for(self, page, expression, wanted, within=SOON):
        """Playwright's own way to wait does not get past a strict policy."""
        end = time.monotonic() + within / 1000
        while (found := page.evaluate(expression)) != wanted:
            assert time.monotonic() < end, f"{found}, not {wanted}. The server: {self.server.said()}"
            page.wait_for_timeout(20)

    def open(self, number=0, url="", query=""):
        page = self.tab(self.browser_of(self.ada, url), query)
        self.assert_shows(page, number)
        return page


@tag("long")
@unittest.skipIf(connection.vendor == "mysql", "as SQLite, it has no way to tell of news")
class LiveBadgeTest(LiveBadgeTestCase):
    def test_two_tabs_show_within_a_second_what_another_process_has_made(self):
        context = self.browser_of(self.ada)
        tabs = [self.tab(context), self.tab(context)]
        for tab in tabs:
            self.assert_shows(tab, 0)
        for number in (1, 2, 3):
            child = start_child("notify_once", self.ada.pk, DJANGO_SETTINGS_MODULE="tests.apps_settings")
            made = finish(child)
            for tab in tabs:
                self.assert_shows(tab, number)
            self.assertLess(time.time() - made, 2.5)  # and the process must end, and others are at work
        self.assertEqual(true_count(self.ada), 3)

    def test_two_tabs_have_one_stream_and_it_moves_on_when_its_tab_is_closed(self):
        context = self.browser_of(self.ada)
        streams = []
        context.on("request", lambda request: request.url.endswith("/live/") and streams.append(request))
        first = self.tab(context)
        self.assert_shows(first, 0)
        second = self.tab(context)
        self.assert_shows(second, 0)
        open_streams = [one for one in streams if not one.failure]
        self.assertEqual(len(open_streams), 1, "the newest tab has it")
        second.close()
        notify(self.ada)
        self.assert_shows(first, 1)

    def test_marking_one_all_and_as_unread_is_shown(self):
        one, *_ = notify(self.ada, 3)
        page = self.open(3)
        Notification.objects.filter(pk=one.pk).mark_as_read()
        self.assert_shows(page, 2)
        Notification.objects.of(self.ada).mark_as_read()
        self.assert_shows(page, 0)
        Notification.objects.filter(pk=one.pk).mark_as_unread()
        self.assert_shows(page, 1)

    def test_what_it_says_can_be_read_by_everybody(self):
        page = self.open()
        notify(self.ada)
        self.assert_shows(page, 1)
        badge = page.locator("unread-badge .unread-badge")
        self.assertEqual(badge.get_attribute("aria-label"), "1 unread notification")
        self.wait_for(page, "document.querySelector('[role=status]').textContent", "1 unread notification", 4_000)
        notify(self.ada, 104)
        self.wait_for(page, f"{NUMBER}.getAttribute('aria-label')", "105 unread notifications")
        self.assertEqual(badge.text_content(), "99+")

    def test_the_title_of_the_tab_shows_the_number_by_option(self):
        page = self.open(query="?tab-title")
        notify(self.ada, 2)
        self.wait_for(page, "document.title", "(2) Site")
        notify(self.ada, 100)
        self.wait_for(page, "document.title", "(99+) Site")
        Notification.objects.of(self.ada).mark_as_read()
        self.wait_for(page, "document.title", "Site")

    def test_the_title_of_the_tab_stays_as_it_is_without_the_option(self):
        page = self.open()
        notify(self.ada, 2)
        self.assert_shows(page, 2)
        self.assertEqual(page.title(), "Site")

    def test_the_icon_of_an_installed_app_shows_the_number_by_option(self):
        notify(self.ada, 2)
        page = self.browser_of(self.ada).new_page()
        page.add_init_script(APP_BADGE)
        page.goto("/page/?app-badge")
        self.wait_for(page, "badges.at(-1)", 2)
        notify(self.ada, 110)
        self.wait_for(page, "badges.at(-1)", 112)  # the platform has a cap of its own
        Notification.objects.of(self.ada).mark_as_read()
        self.wait_for(page, "badges.at(-1)", 0)
        page.goto("/page/")
        notify(self.ada, 1)
        self.assert_shows(page, 1)
        self.assertEqual(page.evaluate("badges"), [], "without the option")

    def test_a_platform_without_an_icon_or_that_refuses_harms_nothing(self):
        for script in ("delete Navigator.prototype.setAppBadge", f"{APP_BADGE}; refuses = true"):
            page = self.browser_of(self.ada).new_page()
            page.add_init_script(script)
            page.goto("/page/?app-badge")
            notify(self.ada)
            self.assert_shows(page, true_count(self.ada))

    def test_axe_finds_nothing_wrong_with_the_element_in_light_and_in_dark(self):
        notify(self.ada, 120)
        for scheme in ("light", "dark"):
            page = self.new_context(self.ada, self.server.url, color_scheme=scheme).new_page()
            page.goto("/page/?styled")
            self.wait_for(page, f"{NUMBER}?.textContent ?? ''", "99+")
            self.assert_accessible(page)
            self.assertEqual(page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"), scheme == "dark")

    def test_logging_out_in_one_tab_empties_the_badge_of_the_other(self):
        notify(self.ada, 2)
        context = self.browser_of(self.ada)
        tabs = [self.tab(context), self.tab(context)]
        for tab in tabs:
            self.assert_shows(tab, 2)
        tabs[0].evaluate("fetch('/leave/', {method: 'POST'})")
        for tab in tabs:
            self.assert_shows(tab, 0, within=6_000)

    def test_a_second_user_never_sees_the_number_of_the_first_on_a_page_that_was_cached(self):
        notify(self.ada, 7)
        notify(self.ben, 1)
        context = self.browser_of(self.ada)
        old = self.tab(context)
        self.assert_shows(old, 7)
        old.evaluate("fetch('/leave/', {method: 'POST'})")
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session_of(self.ben), "url": self.server.url}]
        )
        page = context.new_page()
        page.add_init_script(
            "window.seen = []; addEventListener('unread', (event) => seen.push(event.detail?.unread ?? 0))"
        )
        page.goto("/page/")
        self.assert_shows(page, 1)
        self.assertNotIn(7, page.evaluate("seen"))
        self.assert_shows(old, 1)

    def test_a_page_that_is_left_has_no_stream_and_has_one_again_when_it_is_back(self):
        page = self.open()
        page.goto("/other/")
        notify(self.ada)
        page.go_back()
        self.assert_shows(page, 1)

    def test_a_tab_that_slept_shows_the_number_once_it_is_awake(self):
        context = self.browser_of(self.ada)
        awake, page = self.tab(context), self.tab(context)
        self.assert_shows(page, 0)
        devtools = context.new_cdp_session(page)
        devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
        notify(self.ada)
        self.assert_shows(awake, 1)
        devtools.send("Page.setWebLifecycleState", {"state": "active"})
        self.assert_shows(page, 1)


@tag("long")
@unittest.skipIf(connection.vendor != "sqlite", "servers fail alike with every database")
class FailingServerTest(LiveBadgeTestCase):
    def test_a_server_that_is_killed_and_started_again_is_found_again(self):
        page = self.open()
        self.server.kill()
        notify(self.ada, 2)
        self.server.start()
        self.assert_shows(page, 2, within=3_500)

    def test_a_server_that_is_stopped_ends_at_once_though_badges_are_open(self):
        page = self.open()
        self.assertLess(self.server.stop(), 4)
        notify(self.ada)
        self.server.start()
        self.assert_shows(page, 1, within=3_500)

    def test_a_proxy_that_answers_instead_of_the_server_ends_no_badge(self):
        for status in (204, 502, 503, 200):
            with self.subTest(status):
                page = self.browser_of(self.ada).new_page()
                page.route("**/live/", partial(sorry, status))
                page.goto("/page/?interval=1")
                self.assert_shows(page, Notification.objects.count(), within=6_000)
                notify(self.ada)
                page.unroute("**/live/")
                self.assert_shows(page, Notification.objects.count(), within=6_000)

    def test_a_network_that_was_cut_off_is_noticed_when_it_is_back(self):
        context = self.browser_of(self.ada)
        page = self.tab(context)
        self.assert_shows(page, 0)
        context.set_offline(True)
        notify(self.ada, 2)
        time.sleep(1)
        context.set_offline(False)
        self.assert_shows(page, 2)

    def test_connections_that_are_cut_again_and_again_lose_nothing(self):
        with proxy(self.server.port) as between:
            page = self.open(url=f"http://127.0.0.1:{between.port}")
            between.replies = 0.6
            for _ in range(5):
                notify(self.ada)
                time.sleep(0.3)
            between.replies = 0.0
            self.assert_shows(page, 5, within=4_000)
            self.assertTrue(between.dropped)
            page.context.close()
            self.contexts.remove(page.context)


@once
class PollingTest(LiveBadgeTestCase):
    """On WSGI there is no stream."""

    server_name = "wsgi"

    def test_it_polls_and_asks_for_what_it_has_not_yet(self):
        context = self.browser_of(self.ada)
        statuses = []
        context.on("response", lambda response: "/api/" in response.url and statuses.append(response.status))
        page = self.tab(context, "?interval=0.5")
        self.assert_shows(page, 0)
        notify(self.ada, 2)
        self.assert_shows(page, 2, within=3_000)
        page.wait_for_timeout(1500)
        self.assertIn(304, statuses)
        self.assertEqual(set(statuses), {200, 304})


class SizeTest(CounterTestCase):
    def test_the_element_takes_at_most_four_kilobytes_on_its_way(self):
        script = Path(finders.find("notifications_counter/unread-badge.js")).read_bytes()
        self.assertLessEqual(len(gzip.compress(script)), 4096)
