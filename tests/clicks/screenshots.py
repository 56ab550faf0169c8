"""Makes the documentation's picture of the admin's list of links.

``python -m django test --settings tests.apps_settings tests.clicks.screenshots``
"""

import random
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.contrib.staticfiles.testing import StaticLiveServerTestCase
from django.urls import reverse

from notifications_counter.contrib.clicks.models import Click, day_of
from tests.support.base import ROOT, CounterTestCase
from tests.support.browser import BrowserMixin

from .test_recording import flush

LINKS = {
    "https://www.djangoproject.com/": 60,
    "https://docs.djangoproject.com/en/stable/": 45,
    "https://www.postgresql.org/docs/": 30,
    "https://valkey.io/": 25,
    "https://mariadb.org/": 10,
    "https://www.python.org/downloads/": 8,
}


class Screenshots(BrowserMixin, CounterTestCase, StaticLiveServerTestCase):
    def test_make_the_picture(self) -> None:
        chance, today = random.Random(1), day_of(datetime.now(UTC))
        for url, usual in LINKS.items():
            days = {(url, today - timedelta(days=ago)): chance.randint(usual // 2, usual * 2) for ago in range(30)}
            Click.objects.add_clicks(days, {key: number // 4 + chance.randint(0, 3) for key, number in days.items()})
        flush()
        page = self.new_page(User.objects.create_superuser("ada"), viewport={"width": 960, "height": 640})
        page.goto(reverse("admin:notifications_counter_clicks_click_changelist"), wait_until="networkidle")
        page.get_by_role("img", name="Clicks day by day").wait_for()
        self.assert_accessible(page, within="#content")
        page.screenshot(path=ROOT / "docs/clicks.png", animations="disabled")
