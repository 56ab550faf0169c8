"""A real Chromium: a click is counted once, whatever the browser has fetched before it."""

from __future__ import annotations

import time

from django.conf import settings
from django.contrib.staticfiles.testing import StaticLiveServerTestCase
from django.test import override_settings

from notifications_counter.contrib.clicks.addresses import parse
from notifications_counter.contrib.clicks.models import Click
from notifications_counter.exceptions import InvalidClick
from tests.support.base import CounterTestCase
from tests.support.browser import PATIENCE, BrowserMixin, once
from tests.support.walks import SEED

from . import pages
from .attacks import attacks


@once
@override_settings(ROOT_URLCONF="tests.clicks.pages", MIDDLEWARE=["tests.clicks.pages.Seen", *settings.MIDDLEWARE])
class ClickInBrowserTests(BrowserMixin, CounterTestCase, StaticLiveServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        pages.seen.clear()
        self.target = f"{self.live_server_url}/target/"

    def wait_for_prefetch(self) -> None:
        end = time.monotonic() + PATIENCE / 1000
        while not any(purpose for _path, purpose, _status in pages.seen):
            assert time.monotonic() < end, f"nothing has been fetched in advance: {pages.seen}"
            time.sleep(0.05)

    def click_after(self, how: str) -> None:
        # A person's browser says nothing of being driven.
        page = self.new_page(user_agent=self.browser_name())
        page.goto(f"/start/{how}/")
        self.wait_for_prefetch()
        self.assertEqual(Click.humans.value(self.target), 0)
        self.assertEqual({status for path, purpose, status in pages.seen if purpose and path == "/clicks/"}, {503})
        page.click("#link")
        page.wait_for_url("**/target/")
        page.get_by_role("heading", name="Target").wait_for()
        self.assertEqual(Click.humans.value(self.target), 1, pages.seen)
        self.assertEqual(Click.bots.value(self.target), 0)

    def browser_name(self) -> str:
        page = self.new_page()
        return str(page.evaluate("navigator.userAgent")).replace("HeadlessChrome", "Chrome")

    def test_a_prefetched_link_is_counted_once_when_it_is_clicked(self) -> None:
        self.click_after("prefetch")

    def test_a_prerendered_link_is_counted_once_when_it_is_clicked(self) -> None:
        self.click_after("prerender")

    def test_a_headless_browser_is_a_program(self) -> None:
        page = self.new_page()
        page.goto("/start/none/")
        page.click("#link")
        page.wait_for_url("**/target/")
        self.assertEqual((Click.humans.value(self.target), Click.bots.value(self.target)), (0, 1))

    def test_chromium_goes_where_this_site_has_read_that_an_address_leads(self) -> None:
        urls = list(attacks(1000, SEED))
        href = "urls => urls.map(url => { try { return new URL(url).href } catch { return null } })"
        read = {url: found for url in urls if (found := target_of(url))}
        self.assertGreater(len(read), 100)
        self.assertEqual(dict(zip(read, self.new_page().evaluate(href, list(read)), strict=True)), read, SEED)


def target_of(url: str) -> str | None:
    try:
        return parse(url).target
    except InvalidClick:
        return None
