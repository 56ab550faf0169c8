"""Makes the documentation's picture of who is online.

``python -m django test --settings tests.apps_settings tests.online.screenshots``
"""

from django.contrib.auth.models import User
from django.contrib.staticfiles.testing import StaticLiveServerTestCase
from django.test import override_settings

from notifications_counter.contrib.online import report_user
from tests.support.base import ROOT, CounterTestCase
from tests.support.browser import BrowserMixin


@override_settings(ROOT_URLCONF="tests.online.urls")
class Screenshots(BrowserMixin, CounterTestCase, StaticLiveServerTestCase):
    def test_make_the_picture(self) -> None:
        for name in ("ada", "ben", "carol"):
            report_user(User.objects.create(username=name))
        page = self.new_page(viewport={"width": 300, "height": 150})
        page.goto("/who/")
        page.screenshot(path=ROOT / "docs/online.png", animations="disabled")
