"""The test runner of one process: Django's, which shares a queue of test classes with others like it."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
import unittest
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import connection, connections
from django.test.runner import DiscoverRunner, iter_test_cases

from .queue import Queue


class Result(unittest.TextTestResult):
    """One that knows how long each test took.

    Attributes:
        passed: how many have.
        seconds: the name of each test -> for how long it ran.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.passed = 0
        self.seconds: dict[str, float] = {}

    def startTest(self, test: unittest.TestCase) -> None:
        self.began = time.monotonic()
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        self.seconds[test.id()] = time.monotonic() - self.began

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed += 1


class Runner(DiscoverRunner):
    """Runs what it takes from the queue that NC_QUEUE_DIRECTORY names; all of the suite where there is none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        end_like_ctrl_c(signal.SIGTERM, signal.SIGINT)

    def get_resultclass(self) -> type[unittest.TextTestResult]:
        return super().get_resultclass() or Result

    def get_databases(self, suite: unittest.TestSuite) -> dict[str, bool]:
        """All of them, if any: processes that a test starts may ask each, as ``check`` does on Django 6.1."""
        found: dict[str, bool] = super().get_databases(suite)
        return {**dict.fromkeys(connections, False), **found} if found else found

    def run_tests(self, *args: Any, **kwargs: Any) -> int:
        try:
            return super().run_tests(*args, **kwargs)
        except KeyboardInterrupt:  # who sent it knows
            sys.exit(128 + signal.SIGINT)

    def run_suite(self, suite: unittest.TestSuite, **kwargs: Any) -> Any:
        directory = os.environ.get("NC_QUEUE_DIRECTORY")
        return self.run_queue(Queue(Path(directory)), suite) if directory else super().run_suite(suite, **kwargs)

    def run_queue(self, queue: Queue, suite: unittest.TestSuite) -> unittest.TestResult:
        queue.note(database=f"{connection.display_name} {'.'.join(map(str, connection.get_database_version()))}")
        classes = [list(tests) for _, tests in groupby(iter_test_cases(suite), type)]
        queue.offer(len(classes))
        whole = unittest.TestResult()
        for place, tests in enumerate(classes):
            if queue.take(place):
                result = self.run_class(tests, queue)
                whole.failures += result.failures
                whole.errors += result.errors
        return whole

    def run_class(self, tests: list[unittest.TestCase], queue: Queue) -> Result:
        name = f"{type(tests[0]).__module__}.{type(tests[0]).__qualname__}"
        queue.note(began=name)
        said, began, worked = io.StringIO(), time.monotonic(), processor_seconds()
        arguments = {**self.get_test_runner_kwargs(), "stream": said}
        result: Result = self.test_runner(**arguments).run(unittest.TestSuite(tests))
        figures = summary(result)
        queue.note(ended=name, seconds=result.seconds, reasons=[reason for _, reason in result.skipped], **figures)
        if figures["failed"] and self.failfast:
            queue.close()
        took, worked = time.monotonic() - began, processor_seconds() - worked
        line = f"{os.environ.get('NC_PAIR', '')}  {name}: {sentence(figures)}, {took:.1f} s ({worked:.1f} s of work)"
        details = said.getvalue() if figures["failed"] or self.verbosity > 1 else ""
        sys.stdout.write(f"{details}{line}\n")
        sys.stdout.flush()
        return result


def processor_seconds() -> float:
    """What this process and those that it has waited for have taken of the processors."""
    return sum(os.times()[:4])


def summary(result: Result) -> dict[str, int]:
    return {
        "passed": result.passed + len(result.expectedFailures),
        "failed": len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses),
        "skipped": len(result.skipped),
    }


def sentence(figures: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in figures.items() if number) or "nothing to run"


def end_like_ctrl_c(*signals: signal.Signals) -> None:
    """Unwind instead of dying, so that no server that a test or a run has started outlives it.

    Only the first signal does: those that come while everything ends must not interrupt that.
    """

    def unwind(number: int, frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    def default_in_forks() -> None:
        for each in signals:
            signal.signal(each, signal.SIG_DFL)

    for each in signals:
        signal.signal(each, unwind)
    os.register_at_fork(after_in_child=default_in_forks)
