"""A real Chromium: the search box, the list, adding, and the dashboard."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from tests.support.browser import BrowserMixin
from tests.support.browser import once as once_in_browser

from .demo import DemoTestCase

try:
    from playwright.sync_api import Error
except ImportError:
    Error = Exception  # type: ignore[assignment, misc]

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

OPTIONS = "[...document.querySelectorAll('[role=option]')].map(option => option.textContent)"
#: JavaScript: the number of a status on the dashboard.
NUMBER = "+document.querySelector('[data-name={name}] b').textContent"


class ShopCase(BrowserMixin, DemoTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.begin()

    def window(self, path: str, name: str = "Ada", **options: Any) -> Page:
        page = self.new_page(url=self.url, **options)
        page.goto("/")
        page.click(f"text=Log in as {name}")
        page.goto(path)
        return page

    def add(self, page: Page, title: str, picture: str = "blue-lamp") -> None:
        page.fill("[name=title]", title)
        page.fill("[name=image_url]", f"{self.url}/products/samples/{picture}.png")
        page.click("form[data-add] button")


@once_in_browser
class SearchBoxTest(ShopCase):
    def open(self, **options: Any) -> Page:
        page = self.new_page(url=self.url, **options)
        page.goto("/products/")
        return page

    def type(self, page: Page, text: str, delay: int = 0) -> None:
        page.locator("#q").press_sequentially(text, delay=delay)

    def test_what_is_typed_is_completed_by_the_keyboard(self) -> None:
        page = self.open()
        box = page.get_by_role("combobox", name="Search products")
        self.assertEqual(box.get_attribute("aria-expanded"), "false")
        self.type(page, "lam")
        page.get_by_role("option").first.wait_for()
        options = page.evaluate(OPTIONS)
        self.assertEqual(len(options), 6)
        self.assertTrue(all("lamp" in option for option in options), options)
        self.assertEqual(box.get_attribute("aria-expanded"), "true")
        self.assertEqual(page.get_by_role("listbox").get_attribute("id"), box.get_attribute("aria-controls"))
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        chosen = page.locator(f"#{box.get_attribute('aria-activedescendant')}")
        self.assertEqual((chosen.text_content(), chosen.get_attribute("aria-selected")), (options[1], "true"))
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"\?q=.*lamp"))
        self.assertEqual(page.input_value("#q"), options[1])
        page.get_by_text(f"1 found for {options[1]}").wait_for()

    def test_up_goes_to_the_last_one_and_on_to_the_field(self) -> None:
        page = self.open()
        self.type(page, "lam")
        page.get_by_role("option").first.wait_for()
        page.keyboard.press("ArrowUp")
        self.assertEqual(page.locator("[aria-selected=true]").text_content(), page.evaluate(OPTIONS)[-1])
        page.keyboard.press("ArrowDown")
        self.assertIsNone(page.get_attribute("#q", "aria-activedescendant"))

    def test_escape_closes_and_keeps_what_was_typed(self) -> None:
        page = self.open()
        self.type(page, "ham")
        page.get_by_role("option").first.wait_for()
        page.keyboard.press("Escape")
        self.assertEqual(page.get_attribute("#q", "aria-expanded"), "false")
        self.assertFalse(page.locator("[role=listbox]").is_visible())
        self.assertEqual(page.input_value("#q"), "ham")
        page.keyboard.press("ArrowDown")
        self.assertTrue(page.locator("[role=listbox]").is_visible())

    def test_a_suggestion_is_taken_by_the_pointer(self) -> None:
        page = self.open()
        self.type(page, "kettle")
        page.get_by_role("option").nth(1).click()
        page.wait_for_url(re.compile(r"\?q=.*kettle"))

    def test_a_screen_reader_is_told_how_many_there_are(self) -> None:
        page = self.open()
        self.type(page, "shirt")
        page.get_by_text("6 suggestions").wait_for(state="attached")
        self.assertEqual(page.locator("product-search [role=status]").text_content(), "6 suggestions")
        page.fill("#q", "zzz")
        page.get_by_text("No suggestions").wait_for(state="attached")
        self.assert_accessible(page)

    def test_fast_typing_asks_once_when_it_pauses(self) -> None:
        page = self.open()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/suggest/" in request.url else None)
        self.type(page, "running shoe")
        page.get_by_role("option").first.wait_for()
        self.assertLessEqual(len(asked), 2, asked)
        self.assertIn("q=running+shoe", asked[-1])

    def test_an_answer_that_comes_late_is_not_shown(self) -> None:
        page = self.open()
        failed: list[str] = []
        held: list[Route] = []
        page.on("requestfailed", lambda request: failed.append(f"{request.url} {request.failure}"))
        page.route(re.compile("q=lam$"), lambda route: held.append(route))  # a network that is slow for once
        with page.expect_request(re.compile("q=lam$")):
            self.type(page, "lam")
        page.fill("#q", "hammer")
        page.wait_for_function(f"{OPTIONS}.some(text => text.includes('hammer'))")
        with contextlib.suppress(Error):
            held[0].continue_()
        page.wait_for_timeout(300)
        self.assertTrue(all("hammer" in option for option in page.evaluate(OPTIONS)))
        self.assertTrue(any("q=lam " in said and "ABORTED" in said for said in failed), failed)

    def test_the_list_is_narrowed_by_category_page_by_page(self) -> None:
        page = self.open()
        shown = page.locator(".shop-facets a", has_text="House")
        number = int(re.findall(r"\d+", shown.text_content() or "")[0])
        shown.click()
        page.get_by_text(f"{number} products").wait_for()
        self.assertEqual(page.locator(".shop-products li").count(), min(12, number))
        page.goto("/products/")
        first = page.locator(".shop-products li").all_text_contents()
        page.get_by_role("link", name="Next").click()
        page.get_by_text("Page 2 of").wait_for()
        self.assertFalse(set(first) & set(page.locator(".shop-products li").all_text_contents()))

    def test_it_searches_without_javascript(self) -> None:
        page = self.open(java_script_enabled=False)
        page.fill("#q", "red")
        page.click("text=Search >> nth=-1")
        page.get_by_text("5 found for red").wait_for()


@once_in_browser
class LiveTest(ShopCase):
    def test_a_product_becomes_active_in_every_window(self) -> None:
        ada, ben = self.window("/products/"), self.window("/products/", "Ben")
        self.add(ada, "A lamp for everybody")
        for page in (ada, ben):
            page.wait_for_selector("li:has-text('A lamp for everybody') [data-status='1']")
        self.assertIn("Accepted", ada.text_content(".shop-answer") or "")
        self.add(ada, "A lamp for nobody", "nothing-there")
        for page in (ada, ben):
            page.wait_for_selector("li:has-text('A lamp for nobody') [data-status='0']")
            page.wait_for_selector("li:has-text('A lamp for nobody') >> text=status 404")

    def test_the_dashboard_counts_while_it_is_looked_at(self) -> None:
        board, shop = self.window("/products/dashboard/"), self.window("/products/", "Ben")
        number = NUMBER.format(name="active")
        before, bars = board.evaluate(number), self.charted(board)
        for place in range(3):
            self.add(shop, f"One more {place}")
            board.wait_for_function(f"{number} === {before + place + 1}")
        self.assertEqual(self.charted(board), [bar + 3 for bar in bars])

    def charted(self, page: Page) -> list[int]:
        """How many the bars of each chart show."""
        totals = "svg => [...svg.querySelectorAll('g')].reduce((sum, bar) => sum + Number(bar.dataset.total), 0)"
        return [chart.evaluate(totals) for chart in page.locator(".shop-chart svg").all()]

    def test_what_is_wrong_is_said_beside_the_form(self) -> None:
        page = self.window("/products/")
        page.fill("[name=title]", "Lamp")
        page.fill("[name=image_url]", "http://192.0.2.1/a.png")
        page.click("form[data-add] button")
        page.get_by_text("Pictures are not taken from 192.0.2.1").wait_for()
        self.assertEqual(page.input_value("[name=title]"), "Lamp")

    def test_it_adds_without_javascript(self) -> None:
        page = self.window("/products/", java_script_enabled=False)
        self.add(page, "A lamp without scripts")
        page.get_by_text("It was accepted").wait_for()
        self.add(page, "")
        page.goto("/products/")
        page.fill("[name=title]", "Lamp")
        page.fill("[name=image_url]", "http://192.0.2.1/a.png")
        page.click("form[data-add] button")
        page.get_by_text("Pictures are not taken from 192.0.2.1").wait_for()

    def test_its_pages_are_accessible_and_fit_into_narrow_windows(self) -> None:
        for scheme in ("light", "dark"):
            page = self.window("/products/", color_scheme=scheme, viewport={"width": 320, "height": 700})
            address = page.get_attribute(".shop-products a", "href") or ""
            for path in ("/products/", "/products/?q=lamp&category=house", address, "/products/dashboard/"):
                with self.subTest(path, scheme=scheme):
                    page.goto(path)
                    self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 320)
                    self.assert_accessible(page)
