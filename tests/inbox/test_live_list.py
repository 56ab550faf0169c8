"""The list of an open inbox in a browser: it brings itself up to date when the badge of its page counts."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from notifications_counter.models import Notification
from tests.support.browser import once

from .test_live_badge import LiveBadgeTestCase

ITEMS = "[...document.querySelectorAll('.nc-text')].map(one => one.textContent.replace('Unread:', '').trim())"
OFFER = "document.querySelector('.nc-offer')?.textContent ?? ''"
SHOW = " \N{EN DASH} show"
SAID = "document.querySelector('body > [role=status]').textContent"
#: Milliseconds in which a list must have followed its badge.
SOON = 5_000


@once
class LiveListTest(LiveBadgeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.first = self.tell("first")

    def tell(self, text: str, number: int = 1) -> Notification:
        rows = [Notification(user=self.ada, text=text, url="/other/", created_at=timezone.now()) for _ in range(number)]
        return Notification.objects.bulk_create(rows)[0] if len(rows) > 1 else self.saved(rows[0])

    def saved(self, row: Notification) -> Notification:
        row.save()
        return row

    def open_list(self, query: str = "", **options: Any) -> Any:
        """The list, once its page has heard of what it has marked as seen."""
        page = self.new_context(self.ada, self.server.url, **options).new_page()
        page.goto(f"/inbox/{query}")
        self.wait_for(page, "document.querySelector('unread-badge').value?.unseen ?? -1", 0, SOON)
        page.evaluate("window.stayed = true")
        return page

    def assert_lists(self, page: Any, *texts: str) -> None:
        self.wait_for(page, ITEMS, list(texts), SOON)
        assert page.evaluate("window.stayed"), "the page was loaded again"

    def test_what_comes_stands_at_the_top_of_the_list_and_is_said(self) -> None:
        page = self.open_list()
        self.tell("second")
        self.assert_lists(page, "second", "first")
        self.wait_for(page, SAID, "1 new notification", SOON)
        self.assertEqual(page.title(), "(2) Inbox")
        self.assertEqual(page.evaluate("document.activeElement.tagName"), "BODY")
        page.click(f"#inbox-toggle-{self.first.pk}")  # what is new can be used as the rest
        self.wait_for(page, "document.title", "(1) Inbox", SOON)

    def test_what_is_read_and_deleted_elsewhere_is_so_here(self) -> None:
        second = self.tell("second")
        page = self.open_list()
        unread = "document.querySelectorAll('.nc-unread').length"
        Notification.objects.filter(pk=second.pk).mark_as_read()
        self.wait_for(page, unread, 1, SOON)
        Notification.objects.filter(pk=self.first.pk).delete()
        self.assert_lists(page, "second")

    def test_who_is_in_the_middle_of_the_list_is_asked_first(self) -> None:
        page = self.open_list()
        page.focus(f"#inbox-toggle-{self.first.pk}")
        self.tell("second")
        self.wait_for(page, OFFER, f"1 new notification{SHOW}", SOON)
        self.tell("third", 2)
        self.wait_for(page, OFFER, f"3 new notifications{SHOW}", SOON)
        self.wait_for(page, SAID, f"3 new notifications{SHOW}", SOON)
        self.assertEqual(page.evaluate("document.activeElement.id"), f"inbox-toggle-{self.first.pk}")
        self.assert_lists(page, "first")
        self.assert_accessible(page)
        page.click(".nc-offer")
        self.assert_lists(page, "third", "third", "second", "first")
        self.assertEqual(page.evaluate("document.activeElement.id"), "inbox-title")
        self.assertEqual(page.evaluate(OFFER), "")

    def test_who_has_scrolled_down_is_asked_first(self) -> None:
        self.tell("many", 19)
        page = self.open_list(viewport={"width": 600, "height": 400})
        page.evaluate("scrollTo(0, 900)")
        before = page.evaluate("scrollY")
        self.tell("second")
        self.wait_for(page, OFFER, f"1 new notification{SHOW}", SOON)
        page.click(".nc-offer")
        self.wait_for(page, f"{ITEMS}[0]", "second", SOON)
        self.assertGreater(before, 0)
        self.assertEqual(page.evaluate("scrollY"), 0)

    def test_an_older_page_stays_as_it_is(self) -> None:
        self.tell("many", 20)
        page = self.open_list()
        page.click("#inbox-older")
        self.assert_lists(page, "first")
        self.tell("second")
        self.wait_for(page, "document.title", "(22) Inbox", SOON)
        self.assert_lists(page, "first")

    def test_looking_at_the_list_leaves_what_is_new_marked_as_new(self) -> None:
        page = self.open_list()
        page.wait_for_timeout(1_000)
        self.assertEqual(page.locator(".nc-new").count(), 1)
        self.assertEqual(Notification.objects.unseen().count(), 0)

    def test_a_hidden_tab_catches_up_when_it_is_looked_at(self) -> None:
        page = self.open_list()
        page.evaluate(
            "Object.defineProperty(document, 'visibilityState', {get: () => window.hides ? 'hidden' : 'visible'});"
            "window.hides = true"
        )
        self.tell("second")
        self.wait_for(page, "document.querySelector('unread-badge').value.unread", 2, SOON)
        page.wait_for_timeout(1_000)
        self.assert_lists(page, "first")
        page.evaluate("window.hides = false; document.dispatchEvent(new Event('visibilitychange'))")
        self.assert_lists(page, "second", "first")
