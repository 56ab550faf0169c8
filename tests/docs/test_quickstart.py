"""From ``django-admin startproject`` to a badge that counts, by the page "Quickstart" alone, in a real browser."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING

from django.test import SimpleTestCase, tag

from tests.support.browser import BrowserMixin

from .blocks import Block
from .pages import run_page
from .test_pages import ONCE

if TYPE_CHECKING:
    from playwright.sync_api import Page

BADGE = "document.querySelector('unread-badge .unread-badge')"


@tag("long")
@unittest.skipUnless(ONCE, "runs with SQLite and the database buffer only")
class QuickstartInABrowserTest(BrowserMixin, SimpleTestCase):
    """The reader, who logs in with what the page says, and looks at the badge where the page says what it shows."""

    page: Page

    def test_a_new_site_has_a_badge_that_counts(self) -> None:
        self.seen: list[str] = []
        run_page("docs/quickstart.rst", "empty", self.pass_over, visitor=self)
        self.assertEqual(self.seen, ["1", "99+"])

    def pass_over(self, block: Block, reason: str) -> None:
        """What is not run is what others look after."""

    def opens(self, url: str) -> None:
        self.page = self.new_page(url=url)
        self.page.goto("/admin/")
        self.page.fill("[name=username]", "ada")
        self.page.fill("[name=password]", "choose-one")
        self.page.click("[type=submit]")
        self.page.wait_for_selector("text=Log out")
        self.page.goto("/")
        self.page.wait_for_function(f"{BADGE}?.textContent === '0'")
        self.assertTrue(self.page.is_hidden("unread-badge .unread-badge"), "there is nothing to read")
        self.page.evaluate("window.isTheSame = true")

    def sees(self, badge: str) -> None:
        self.page.wait_for_function(f"!{BADGE}.hidden && {BADGE}.textContent === '{badge}'", timeout=5_000)
        self.assertTrue(self.page.evaluate("window.isTheSame"), "nothing was loaded anew")
        self.seen.append(badge)
        inbox = self.page.context.new_page()
        inbox.goto("/inbox/")
        inbox.wait_for_selector(".nc-item >> text=" + ("Your parcel has arrived" if badge == "1" else "Offer"))
        inbox.close()
