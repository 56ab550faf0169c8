"""The browser that the tests of pages use."""

from tests.support.browser import BrowserTestCase


class BrowserTest(BrowserTestCase):
    def test_what_a_page_complains_of_is_heard(self) -> None:
        (user,) = self.make_users(1)
        page = self.new_page(user)
        page.goto("/login/")
        page.evaluate("document.body.setAttribute('style', 'color: red')")
        page.wait_for_timeout(100)
        self.assertIn("Content Security Policy", self.complaints.pop())
