"""Makes the documentation's pictures of the shop.

``python -m django test --settings tests.settings tests.products.screenshots``
"""

from io import BytesIO

from PIL import Image

from tests.support.base import ROOT

from .test_browser import ShopCase


class Screenshots(ShopCase):
    def test_make_the_pictures(self) -> None:
        page = self.window("/products/", viewport={"width": 1040, "height": 760})
        for title, picture in (("Lamp of the year", "yellow-lamp"), ("Lamp without a picture", "nothing-there")):
            self.add(page, title, picture)
            page.wait_for_selector(f"li:has-text('{title}') [data-status]:not([data-status='2'])")
        page.locator("#q").press_sequentially("lam", delay=30)
        page.get_by_role("option").first.wait_for()
        page.keyboard.press("ArrowDown")
        self.keep(page.screenshot(animations="disabled"), "products")
        page.goto("/products/dashboard/", wait_until="domcontentloaded")
        self.keep(page.screenshot(animations="disabled"), "dashboard")

    def keep(self, picture: bytes, name: str) -> None:
        """With few colours, which a page has: half as large."""
        Image.open(BytesIO(picture)).quantize(128).save(ROOT / f"docs/{name}.png", optimize=True)
