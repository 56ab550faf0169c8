"""The example's ``manage.py demo``, as a process of its own: it brings its own settings, database and Valkey."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

from django.db import connection
from django.test import SimpleTestCase

from tests.support.base import ROOT, uses_redis
from tests.support.servers import HOST, free_port

DEMO = [sys.executable, str(ROOT / "example" / "manage.py"), "demo"]
SECONDS = 60


@unittest.skipUnless(connection.vendor == "sqlite", "the demo has its own database: once is enough")
class DemoTests(SimpleTestCase):
    def setUp(self) -> None:
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.buffer = ["--redis"] if uses_redis() else []

    @contextmanager
    def demo(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.directory)}
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
            self.visit(Browser(f"http://{HOST}:{port}"), user, password)
            children = children_of(process.pid)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(SECONDS), 0)
        if Path("/proc").is_dir():
            self.assertEqual(len(children), 2 + len(self.buffer))  # the site, the flusher and perhaps Valkey
        self.assertEqual([pid for pid in children if Path(f"/proc/{pid}").exists()], [])
        self.assert_nothing_left()

    def visit(self, browser: Browser, user: str, password: str) -> None:
        start = browser.get("/")
        self.assertIn(">Log in<", start)
        self.assertNotIn("unread-badge", start)
        browser.get("/login/")
        before = badge(browser.post("/login/", username=user, password=password))
        self.assertEqual(badge(browser.post("/inbox/send-me/")), before + 10)
        inbox = browser.get("/inbox/")
        first = re.findall(r'action="(/inbox/\d+/read/)', inbox)[0]
        for _ in range(2):
            self.assertEqual(badge(browser.post(first)), before + 9)
        counts = browser.post("/inbox/send-everybody/?from=counts")
        self.assertEqual(badge(counts), before + 10)
        self.assertNotIn("≠", counts)
        self.assertNotIn("unread-badge", browser.post("/inbox/read/"))
        self.assertIn("not yours", browser.post(f"/inbox/{10**30}/read/"))


class Browser:
    """Just enough of one: cookies, and the token in each form."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> str:
        return self._read(path, None)

    def post(self, path: str, **values: str) -> str:
        token = next(cookie.value for cookie in self.cookies if cookie.name == "csrftoken")
        return self._read(path, urlencode({**values, "csrfmiddlewaretoken": token}).encode())

    def _read(self, path: str, data: bytes | None) -> str:
        with self.opener.open(self.base + path, data, timeout=SECONDS) as answer:
            page: str = answer.read().decode()
        return page


def badge(page: str) -> int:
    """The exact number, which is in the label."""
    return int(re.findall(r'class="unread-badge"[^>]*aria-label="([\d,]+) unread', page)[0].replace(",", ""))


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
