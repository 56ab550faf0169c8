"""``runtests.py``, as a process of its own: what it says, when it fails, and that nothing outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Iterator
from pathlib import Path

from django.db import connection
from django.test import SimpleTestCase, tag

from tests.support.base import ROOT

SECONDS = 60

#: A module of tests that this package does not have: some fail, one is in need of something, one takes its time.
OWN_TESTS = """
import os, pathlib, subprocess, time, unittest
from django.test import SimpleTestCase, tag

class EndsTest(SimpleTestCase):
    def test_passes(self): pass
    def test_fails(self): self.fail("as it was told")
    @unittest.skip("needs a horse at HORSE_URL")
    def test_rides(self): pass

class DiesTest(SimpleTestCase):
    def test_dies(self): os.kill(os.getpid(), 9)

class OtherTest(SimpleTestCase):
    def test_passes(self): pass

class UnsteadyTest(SimpleTestCase):
    def test_fails_once(self):
        mark = pathlib.Path(__file__).with_name("mark.py")
        if not mark.exists():
            mark.touch()
            self.fail("this time")

@tag("long")
class LongTest(SimpleTestCase):
    def test_takes_long(self): pass

class StaysTest(SimpleTestCase):
    def test_starts_a_server_and_waits(self):
        server = subprocess.Popen(["sleep", "3600"])
        print("server", server.pid, flush=True)
        time.sleep(3600)
"""


@unittest.skipUnless(
    connection.vendor == "sqlite" and os.environ.get("NC_BUFFER") != "redis", "it has a database of its own"
)
@tag("long")
class RunTestsTest(SimpleTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.directory / "own_tests.py").write_text(OWN_TESTS)

    @contextlib.contextmanager
    def running(self, *arguments: str, **changed: str) -> Iterator[subprocess.Popen[str]]:
        """A run on SQLite without this one's settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NC_") and name != "CI"}
        places = {"PYTHONPATH": str(self.directory), "TMPDIR": str(self.directory)}
        command = [sys.executable, str(ROOT / "runtests.py"), *arguments]
        environment = {**kept, **places, **changed}
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    def run_all(self, *arguments: str, **changed: str) -> tuple[int, str]:
        with self.running(*arguments, **changed) as process:
            said, _ = process.communicate(timeout=SECONDS)
        return process.returncode, said

    def own(self, *names: str, **changed: str) -> tuple[int, str]:
        labels = [f"own_tests.{name}" for name in names]
        return self.run_all("--database=sqlite", "--buffer=redis", "--processes=1", *labels, **changed)

    def assert_nothing_left(self) -> None:
        self.assertEqual(
            [path.name for path in self.directory.iterdir() if path.suffix != ".py" and path.name != "__pycache__"], []
        )

    def test_it_counts_what_passed_failed_and_was_skipped_and_says_what_was_needed(self) -> None:
        status, said = self.own("EndsTest")
        self.assertEqual(status, 1, said)
        self.assertIn("as it was told", said)
        self.assertIn("not run: 1 tests (needs a horse at HORSE_URL)", said)
        self.assertIn("The slowest 10 tests:", said)
        self.assertEqual(said.splitlines()[-1], "1 passed, 1 failed, 1 skipped")
        self.assert_nothing_left()

    def test_both_buffers_run_in_processes_of_their_own_and_all_that_pass_is_a_success(self) -> None:
        status, said = self.run_all("--database=sqlite", "--processes=2", "own_tests.OtherTest")
        self.assertEqual((status, said.splitlines()[-1]), (0, "2 passed, 0 failed, 0 skipped"), said)
        self.assertIn("sqlite+redis  own_tests.OtherTest: 1 passed", said)
        self.assertIn("sqlite+database  own_tests.OtherTest: 1 passed", said)
        self.assert_nothing_left()

    def test_with_again_what_fails_once_is_named_and_no_failure_and_what_fails_twice_is_one(self) -> None:
        arguments = ("--database=sqlite", "--buffer=redis", "--processes=1", "--again")
        status, said = self.run_all(*arguments, "own_tests.UnsteadyTest", "own_tests.OtherTest")
        self.assertEqual((status, said.splitlines()[-1]), (0, "2 passed, 0 failed, 0 skipped"), said)
        self.assertIn("unsteady: sqlite+redis  own_tests.UnsteadyTest failed, and passed when it ran again", said)
        status, said = self.run_all(*arguments, "own_tests.EndsTest", "own_tests.OtherTest")
        self.assertEqual((status, said.splitlines()[-1]), (1, "2 passed, 1 failed, 1 skipped"), said)
        status, said = self.run_all(*arguments, "own_tests.DiesTest", "own_tests.OtherTest")
        self.assertEqual(status, 1, said)

    def test_a_process_that_dies_fails_the_run_by_the_name_of_its_test(self) -> None:
        status, said = self.own("DiesTest", "OtherTest")
        self.assertEqual(status, 1, said)
        self.assertIn("sqlite+redis: a process has died in own_tests.DiesTest", said)

    def test_it_says_at_its_start_what_it_leaves_out_and_how_to_run_that(self) -> None:
        with self.running("--database=sqlite", "--buffer=database") as process:
            assert process.stdout is not None
            said = "".join(process.stdout.readline() for _ in range(5))
        for words in ("(--all runs them too)", "--most", "sqlite+database", "--long", "NC_SEED="):
            self.assertIn(words, said)

    def test_a_database_that_is_not_there_fails_where_it_was_asked_for_or_in_ci(self) -> None:
        absent = {"POSTGRESQL_URL": "", "MARIADB_URL": ""}
        status, said = self.run_all("--buffer=database", "own_tests.OtherTest", **absent)
        self.assertEqual((status, said.splitlines()[-1]), (0, "1 passed, 0 failed, 0 skipped"), said)
        self.assertIn("not run: postgresql (POSTGRESQL_URL is not set)", said)
        status, said = self.run_all("--buffer=database", "own_tests.OtherTest", CI="true", **absent)
        self.assertEqual(status, 1, said)
        self.assertIn("Failed for want of: mariadb, postgresql", said)

    def test_after_ctrl_c_and_when_it_is_told_to_end_no_server_is_left(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number), self.running("--database=sqlite", "own_tests.StaysTest") as process:
                assert process.stdout is not None
                pids = [int(line.split()[1]) for line in iter_until(process.stdout, "server", 2)]
                pids += descendants(process.pid)
                process.send_signal(number)
                self.assertEqual(process.wait(SECONDS), 1)
                self.assertEqual([pid for pid in pids if is_alive(pid)], [])
                self.assert_nothing_left()


def iter_until(lines: Iterator[str], word: str, number: int) -> Iterator[str]:
    """So many lines that begin with a word."""
    for line in lines:
        if line.startswith(f"{word} "):
            yield line
            number -= 1
        if not number:
            return


def descendants(pid: int) -> list[int]:
    """Empty where there is no /proc."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for file in files for child in file.read_text().split()]
    return [*children, *(each for child in children for each in descendants(child))]


def is_alive(pid: int) -> bool:
    """One that was killed may take a moment."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True
