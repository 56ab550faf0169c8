"""The demo by one command, and what programs are answered."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import time
import unittest
import urllib.error
import urllib.request
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import django
from django.test import tag

from tests.support.servers import free_port

from .demo import SECONDS, DemoTestCase, once


@once
class CheckTest(DemoTestCase):
    def run_demo(self, *arguments: str, **environment: str) -> tuple[int, str]:
        with self.demo(f"--port={free_port()}", *arguments, **environment) as process:
            said, _ = process.communicate(timeout=SECONDS)
            return process.returncode, said

    def test_the_check_ends_by_itself_and_leaves_nothing(self) -> None:
        status, said = self.run_demo("--check")
        self.assertEqual(status, 0, said)
        self.assertIn("OK: index, counters and database agree.", said)
        self.assertIn("Products: 40 active, 0 processing, 1 inactive; 0 differences.", said)
        self.assertEqual(list(self.directory.iterdir()), [])

    @unittest.skipIf(django.VERSION < (6, 0), "Django has tasks from 6.0 on")
    @tag("long")
    def test_the_tasks_of_django_do_the_same(self) -> None:
        status, said = self.run_demo("--check", DEMO_TASKS="django.tasks.backends.immediate.ImmediateBackend")
        self.assertEqual(status, 0, said)
        self.assertIn("0 processing, 1 inactive; 0 differences.", said)

    def test_what_the_database_does_not_have_is_noticed(self) -> None:
        path = str(self.directory / "tampered.sqlite3")
        self.addCleanup(lambda: [one.unlink() for one in self.directory.glob("tampered*")])
        for command in (["migrate"], ["search_index", "--create"], ["products_samples"], ["products_compare"]):
            self.assertEqual((done := self.manage(*command, DEMO_DATABASE=path)).returncode, 0, done)
        with closing(sqlite3.connect(path, isolation_level=None)) as database:  # past Django
            database.execute("UPDATE products_product SET title = 'Changed behind' WHERE title = 'Blue lamp'")
        done = self.manage("products_compare", DEMO_DATABASE=path)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("Changed behind", done.stderr)
        self.assertEqual(self.manage("search_index", "--check", DEMO_DATABASE=path).returncode, 1)
        # That has sent again what differed.
        self.assertEqual(self.manage("products_compare", DEMO_DATABASE=path).returncode, 0)

    def test_the_full_demo_says_what_it_needs(self) -> None:
        status, said = self.run_demo("--full")
        self.assertEqual(status, 1)
        self.assertIn("--full needs --broker URL", said)


@once
@tag("long")
class ProgramTest(DemoTestCase):
    """What a program is answered, over HTTP."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.said = cls.begin()

    def post(self, title: str = "Lamp", picture: str = "blue-lamp", **headers: str) -> tuple[int, Any, Any]:
        address = picture if "://" in picture else f"{self.url}/products/samples/{picture}.png"
        data = urlencode({"title": title, "image_url": address}).encode()
        return self.ask("/products/", data, {"Authorization": f"Bearer {self.key}", **headers})

    def ask(self, path: str, data: bytes | None = None, headers: Any = None) -> tuple[int, Any, Any]:
        request = urllib.request.Request(self.url + path, data, {"Accept": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.headers, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.headers, answer.read().decode()

    def wait_for(self, address: str) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while True:
            status, _, said = self.ask(address)
            self.assertEqual(status, 200, said)
            if said["status"] != 2:
                return dict(said)
            self.assertLess(time.monotonic(), end, "still processing")
            time.sleep(0.1)

    def number_of_products(self) -> int:
        with closing(sqlite3.connect(self.database)) as database:
            return int(database.execute("SELECT COUNT(*) FROM products_product").fetchone()[0])

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_the_curl_line_that_is_printed_adds_a_product(self) -> None:
        line = next(line for line in self.said.splitlines() if line.startswith("curl "))
        done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=SECONDS)
        self.assertIn(" 202 ", done.stdout.splitlines()[0], done)
        address = re.findall(r"(?im)^location: (\S+)", done.stdout)[0]
        found = self.wait_for(address)
        self.assertEqual((found["status"], found["title"]), (1, "Blue lamp"))

    def test_an_accepted_product_has_the_address_of_its_status(self) -> None:
        status, headers, said = self.post("Kettle of copper", "red-kettle")
        self.assertEqual((status, said["status"], said["status_url"]), (202, 2, headers["Location"]))
        found = self.wait_for(headers["Location"])
        self.assertEqual((found["status"], found["label"]), (1, "Active"))
        with urllib.request.urlopen(self.url + found["url"]) as page:
            self.assertIn("Kettle of copper", page.read().decode())
        with urllib.request.urlopen(f"{self.url}{found['url']}96.webp") as picture:
            self.assertEqual(picture.read(4), b"RIFF")
        _, _, suggested = self.ask("/products/suggest/?q=copper")
        self.assertIn("Kettle of copper", [one["text"] for one in suggested["suggestions"]])

    def test_an_invalid_form_is_answered_by_its_errors_and_makes_no_product(self) -> None:
        before = self.number_of_products()
        for title, picture, field in (
            ("", "blue-lamp", "title"),
            ("Lamp", "ftp://example.com/a.png", "image_url"),
            ("Lamp", "http://169.254.169.254/latest/meta-data/", "image_url"),
            ("x" * 201, "blue-lamp", "title"),
        ):
            with self.subTest(title[:10], picture=picture):
                status, _, said = self.post(title, picture)
                self.assertEqual(status, 400, said)
                self.assertEqual(list(json.loads(said)["errors"]), [field])
        time.sleep(0.5)
        self.assertEqual(self.number_of_products(), before)

    def test_a_picture_that_fails_for_good_makes_the_product_inactive_and_says_why(self) -> None:
        _, headers, _ = self.post("Nothing there", "no-such-picture")
        found = self.wait_for(headers["Location"])
        self.assertEqual((found["status"], found["label"]), (0, "Inactive"))
        self.assertIn("status 404", found["refusal"])
        _, _, suggested = self.ask("/products/suggest/?q=nothing")
        self.assertEqual(suggested["suggestions"], [])

    def test_nobody_adds_without_a_key_or_a_csrf_token(self) -> None:
        self.assertEqual(self.post(Authorization="Bearer wrong")[0], 401)
        self.assertEqual(self.post(Authorization="Bearer ")[0], 403)
        self.assertEqual(self.post(Authorization="Basic abc")[0], 403)

    def test_an_address_that_nobody_was_given_is_not_there(self) -> None:
        _, headers, _ = self.post("Shirt")
        for address in (headers["Location"].replace(":", "0:", 1), "/products/added/abc/"):
            self.assertEqual(self.ask(address)[0], 404)
        self.wait_for(headers["Location"])
