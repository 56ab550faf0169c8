"""The example's ``manage.py demo``, as a process of its own: it brings its own settings, database and Valkey."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db import connection
from django.test import SimpleTestCase, tag

from tests.support.base import ROOT, uses_redis
from tests.support.browser import BrowserMixin
from tests.support.servers import HOST, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Page

DEMO = [sys.executable, str(ROOT / "example" / "manage.py"), "demo"]
SECONDS = 120
ONCE = "the demo has its own database: once is enough"
BADGE = "document.querySelector('unread-badge')"
#: JavaScript: the value of a user in the table of a page.
VALUE = (
    "+[...document.querySelectorAll('tbody tr')].find((row) => row.cells[0].textContent === '{name}')"
    ".cells[3].textContent.replace(',', '')"
)


class DemoTestCase(SimpleTestCase):
    """Runs the demo with a directory of its own for what it leaves."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.directory = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.buffer = ["--redis"] if uses_redis() else []

    @classmethod
    @contextmanager
    def demo(cls, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(cls.directory)}
        environment.pop("REDIS_URL", None)
        with subprocess.Popen(
            [*DEMO, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    def run_demo(self, *arguments: str) -> tuple[int, str]:
        with self.demo(*arguments) as process:
            said, _ = process.communicate(timeout=SECONDS)
            return process.returncode, said

    def assert_nothing_left(self) -> None:
        self.assertEqual(list(self.directory.iterdir()), [])


@tag("long")
@unittest.skipUnless(connection.vendor == "sqlite", ONCE)
class DemoTests(DemoTestCase):
    def test_check(self) -> None:
        status, said = self.run_demo("--check", *self.buffer)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"OK: [\d,]{5,} counts compared with COUNT\(\*\)")
        self.assertIn("queries each: 0" if self.buffer else "queries each: 1", said)
        self.assert_nothing_left()

    def test_taken_port(self) -> None:
        with free_port_taken() as port:
            status, said = self.run_demo(f"--port={port}")
        self.assertEqual(status, 1)
        self.assertIn("Choose another with --port", said)

    def test_site_and_its_end(self) -> None:
        port = free_port()
        with self.demo(f"--port={port}", *self.buffer) as process:
            said = read_until(process, "Ctrl-C ends")
            user, password = re.findall(r"user: (\w+) +password: (\w+)", said)[0]
            browser = Browser(f"http://{HOST}:{port}")
            self.visit(browser, user, password)
            children = children_of(process.pid)
            with browser.open_badge():
                asked = time.monotonic()
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(SECONDS), 0)
                self.assertLess(time.monotonic() - asked, 8)
        if Path("/proc").is_dir():
            self.assertEqual(len(children), 2 + len(self.buffer))  # the site, the flusher and perhaps Valkey
        self.assertEqual([pid for pid in children if Path(f"/proc/{pid}").exists()], [])
        self.assert_nothing_left()

    def visit(self, browser: Browser, user: str, password: str) -> None:
        start = browser.get("/")
        self.assertIn("Log in as Ada", start)
        self.assertNotIn("unread-badge", start)
        self.assertIn("<unread-badge", browser.post("/login/", username=user, password=password))
        before = browser.unread()
        me = re.findall(rf'value="(\d+)"[^>]*>{user}<', browser.get("/send/"))[0]
        self.assertIn("10 sent to Ada", browser.post("/send/", to=me, number="10", text="Hello"))
        self.assertEqual(browser.unread(), before + 10)
        first = re.findall(r'name="id" value="(\d+)"', browser.get("/inbox/"))[0]
        for _ in range(2):
            browser.post("/inbox/mark-as-read/", id=first)
            self.assertEqual(browser.unread(), before + 9)
        browser.post("/send/", number="1")
        self.assertEqual(browser.unread(), before + 10)
        for page in ("/counters/", "/counters/?part", "/tickets/", "/tickets/?part"):
            self.assertNotIn("≠", browser.get(page))
            self.assertIn("<table>", browser.get(page))
        self.assertEqual(clicks_on(browser), [("Counters", "0", "0"), ("Tickets", "0", "0"), ("Cost", "0", "0")])
        for link in re.findall(r'href="(/clicks/[^"]+)"', browser.get("/links/"))[:2]:
            self.assertIn("<table>", browser.get(link))
        self.assertEqual(clicks_on(browser), [("Counters", "0", "1"), ("Tickets", "0", "1"), ("Cost", "0", "0")])
        self.assertRegex(browser.get("/cost/"), r"max</th><td[^>]*>[\d,]{6,}</td>\s*<td[^>]*>[\d.]+ ms</td>")
        browser.post("/inbox/mark-all-as-read/")
        self.assertEqual(browser.unread(), 0)


@tag("long")
@unittest.skipUnless(connection.vendor == "sqlite", ONCE)
class WindowsTests(BrowserMixin, DemoTestCase):
    """Two people, each with a window of their own."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        port = free_port()
        process = cls.enterClassContext(cls.demo(f"--port={port}", *cls.buffer))
        read_until(process, "Ctrl-C ends")
        cls.url = f"http://{HOST}:{port}"

    def window(self, name: str, path: str, **options: Any) -> Page:
        """A window in which somebody is logged in, on a page; its badge has come."""
        page = self.new_page(url=self.url, **options)
        page.goto("/")
        page.click(f"text=Log in as {name}")
        page.goto(path)
        return page

    def number(self, page: Page) -> int:
        page.wait_for_function(f"{BADGE}?.count !== undefined")
        return int(page.evaluate(f"{BADGE}.count"))

    def test_a_window_counts_within_a_second_what_another_one_sends(self) -> None:
        ada, ben = self.window("Ada", "/inbox/"), self.window("Ben", "/send/")
        before = self.number(ada)
        ben.select_option("[name=to]", label="ada")
        for sent in (1, 2, 3):
            ben.click("main >> text=Send >> nth=-1")
            ben.wait_for_selector("text=1 sent to Ada")
            ada.wait_for_function(f"{BADGE}.count === {before + sent}", timeout=1_500)
        self.assertEqual(ben.url, f"{self.url}/send/", "nothing is loaded anew")
        ada.reload()
        ada.wait_for_selector(".nc-item >> text=Ben")

    def test_the_counters_change_by_themselves_and_are_those_of_the_rows(self) -> None:
        ada, ben = self.window("Ada", "/counters/"), self.window("Ben", "/counters/")
        before = self.value(ada, "ben")
        ada.click("text=Send everybody one")
        for page in (ada, ben):
            page.wait_for_function(VALUE.format(name="ben") + f" === {before + 1}")
            self.assertNotIn("≠", page.inner_text("main"))

    def value(self, page: Page, name: str) -> int:
        return int(page.evaluate(VALUE.format(name=name)))

    def test_tickets_are_opened_and_closed_with_their_count(self) -> None:
        page = self.window("Ada", "/tickets/")
        before = self.value(page, "ada")
        page.click("text=Open one more")
        page.wait_for_selector(f"text=Yours: {before + 1} open")
        page.click("text=Close >> nth=0")
        page.wait_for_selector(f"text=Yours: {before} open")
        self.assertEqual(self.value(page, "ada"), before)

    def test_the_list_of_who_is_online_changes_as_others_come(self) -> None:
        names = "[...document.querySelectorAll('users-online li')].map((item) => item.textContent)"
        page = self.window("Ada", "/who/")
        page.wait_for_function("document.querySelector('users-online').source.readyState === 1")
        cleo = self.new_page(url=self.url)
        cleo.goto("/login/")
        cleo.fill("[name=username]", "cleo")
        cleo.fill("[name=password]", "demo")
        cleo.click("main button")
        page.wait_for_function(f"{names}.includes('cleo') && {names}.includes('ada')")

    def test_it_works_without_javascript(self) -> None:
        page = self.window("Ada", "/counters/", java_script_enabled=False)
        page.click("text=Send everybody one")
        page.wait_for_selector("text=sent to everybody")
        page.goto("/counters/")
        page.click("text=Look again")
        self.assertIn("= ", page.inner_text("table"))

    def test_its_pages_are_accessible_and_fit_into_narrow_windows(self) -> None:
        for scheme in ("light", "dark"):
            page = self.window("Ada", "/", color_scheme=scheme, viewport={"width": 320, "height": 700})
            for path in ("/", "/send/", "/inbox/", "/counters/", "/tickets/", "/who/", "/cost/"):
                with self.subTest(path, scheme=scheme):
                    page.goto(path)
                    self.number(page)
                    self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 320)
                    self.assert_accessible(page)


class Browser:
    """Just enough of one: cookies, and the token in each form."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def unread(self) -> int:
        return int(json.loads(self.get("/inbox/api/unread/"))["unread"])

    def open_badge(self) -> HTTPResponse:
        """What a badge listens to, when its first number has come."""
        stream: HTTPResponse = self.opener.open(f"{self.base}/inbox/live/", timeout=SECONDS)
        while not stream.readline().startswith(b"data:"):
            pass
        return stream

    def get(self, path: str) -> str:
        return self._read(path, None)

    def post(self, path: str, **values: str) -> str:
        token = next(cookie.value for cookie in self.cookies if cookie.name == "csrftoken")
        return self._read(path, urlencode({**values, "csrfmiddlewaretoken": token}).encode())

    def _read(self, path: str, data: bytes | None) -> str:
        with self.opener.open(self.base + path, data, timeout=SECONDS) as answer:
            page: str = answer.read().decode()
        return page


def clicks_on(browser: Browser) -> list[tuple[str, str, str]]:
    """The name of each link, the clicks of people and those of programs, such as this one."""
    row = r'">(\w+)</a></th>\s*<td[^>]*>([\d,]+)</td><td[^>]*>([\d,]+)</td>'
    return re.findall(row, browser.get("/links/"))


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"The demo ended without saying {words!r}:\n{said}")


def children_of(pid: int) -> list[int]:
    """Empty where there is no /proc."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text().split()]


@contextmanager
def free_port_taken() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]
