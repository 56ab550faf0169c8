"""A real browser: Chromium, driven by Playwright; on pages of a site in this process, or of any other."""

from __future__ import annotations

import os
import shutil
import unittest
from typing import Any
from unittest import mock

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.testing import StaticLiveServerTestCase
from django.db import connection
from django.test import Client, override_settings, tag

from .base import CounterTestCase, uses_redis

try:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, sync_playwright
except ImportError:
    sync_playwright = None  # type: ignore[assignment]

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
#: Chromium as root has no sandbox, and /dev/shm is small in containers.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
IN_CI = os.environ.get("CI") == "true"
#: Milliseconds after which whatever a test waits for has not come; the machine may be busy.
PATIENCE = 20_000


def once(case: Any) -> Any:
    """For what is the same whatever database and buffer there is: browsers take long."""
    is_first = connection.vendor == "sqlite" and not uses_redis()
    return tag("long")(unittest.skipUnless(is_first, "a browser: with SQLite and the database buffer only")(case))


def missing() -> str:
    """What a browser lacks on this machine; '' where it can be started."""
    if sync_playwright is None:
        return "Playwright is not installed (pip install 'notifications_counter[test]')"
    return "" if CHROMIUM else "there is no Chromium on PATH (apt-get install chromium)"


class BrowserMixin:
    """For tests that look at pages as their users do.

    Whatever a page logs as an error, a refusal of its Content-Security-Policy for one, fails the test, unless the test
    takes it out of ``complaints``; but not what could not be loaded, which a page may bear.
    """

    @classmethod
    def setUpClass(cls) -> None:
        if lacking := missing():
            if IN_CI:
                raise AssertionError(f"The tests need a browser, but {lacking}.")
            raise unittest.SkipTest(lacking)
        super().setUpClass()  # type: ignore[misc]
        playwright = sync_playwright().start()
        cls.addClassCleanup(playwright.stop)  # type: ignore[attr-defined]
        # Playwright's loop runs in this thread, which asks the database of its own accord.
        unsafe = mock.patch.dict(os.environ, {"DJANGO_ALLOW_ASYNC_UNSAFE": "1"})
        cls.enterClassContext(unsafe)  # type: ignore[attr-defined]
        cls.browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        cls.addClassCleanup(cls.browser.close)  # type: ignore[attr-defined]

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        self.complaints: list[str] = []
        self.contexts: list[BrowserContext] = []

    def tearDown(self) -> None:
        for context in self.contexts:
            context.close()
        super().tearDown()  # type: ignore[misc]
        assert not self.complaints, self.complaints

    def new_context(self, user: User | None = None, url: str = "", **options: Any) -> BrowserContext:
        """A browser with cookies of its own, in which tabs share what tabs share.

        Args:
            user: who is logged in.
            url: of the site, where it is not that of the test case.
            options: Playwright's, such as ``java_script_enabled=False`` and ``color_scheme="dark"``.
        """
        base = url or getattr(self, "live_server_url", "")
        context = self.browser.new_context(base_url=base, **options)
        context.set_default_timeout(PATIENCE)
        context.on("console", self.hear)
        context.on("weberror", lambda said: self.complaints.append(str(said.error)))
        self.contexts.append(context)
        if user is not None:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_of(user), "url": base}])
        return context

    def hear(self, said: ConsoleMessage) -> None:
        if said.type == "error" and not said.text.startswith("Failed to load resource"):
            self.complaints.append(said.text)

    def new_page(self, user: User | None = None, url: str = "", **options: Any) -> Page:
        """A tab in a browser of its own."""
        return self.new_context(user, url, **options).new_page()

    def assert_accessible(self, page: Page, within: str = "html") -> None:
        """That axe-core finds nothing to complain of, in the whole page or in a part of it."""
        page.evaluate(Axe().axe_script)
        found = page.evaluate("where => axe.run(where).then(found => found.violations)", within)
        said = [f"{rule['id']}: {node['html']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]
        assert not said, "\n".join(said)


def session_of(user: User) -> str:
    """The key of a new session in which a user is logged in."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@override_settings(MIDDLEWARE=["tests.support.strict_policy.StrictPolicy", *settings.MIDDLEWARE])
class BrowserTestCase(BrowserMixin, CounterTestCase, StaticLiveServerTestCase):
    """A browser, and a site with a strict Content-Security-Policy in a thread of this process."""
