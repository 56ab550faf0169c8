"""Makes the documentation's pictures of the page, light and dark.

``python -m django test --settings tests.apps_settings tests.inbox.screenshots``
"""

from tests.support.base import ROOT
from tests.support.browser import BrowserTestCase

from .samples import fill, with_kinds


@with_kinds()
class Screenshots(BrowserTestCase):
    def test_make_the_pictures(self) -> None:
        (user,) = self.make_users(1)
        fill(user)
        for scheme in ("light", "dark"):
            page = self.new_page(user, color_scheme=scheme, viewport={"width": 960, "height": 760})
            page.goto("/inbox/", wait_until="networkidle")
            page.screenshot(path=ROOT / f"docs/inbox-{scheme}.png", animations="disabled")
