"""The test runner of one process: Django's, and it tells runtests.py how it went."""

import json
import os
import signal
import unittest
from pathlib import Path
from typing import Any

from django.db import connection
from django.test.runner import DiscoverRunner


class Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed += 1


class Runner(DiscoverRunner):
    def get_resultclass(self) -> type[unittest.TextTestResult]:
        return super().get_resultclass() or Result

    def run_suite(self, suite: unittest.TestSuite, **kwargs: Any) -> Any:
        end_like_ctrl_c(signal.SIGTERM)
        result = super().run_suite(suite, **kwargs)
        if path := os.environ.get("NC_RESULT"):
            Path(path).write_text(json.dumps(summary(result)))
        return result


def summary(result: Any) -> dict[str, Any]:
    version = ".".join(map(str, connection.get_database_version()))
    return {
        "database": f"{connection.display_name} {version}",
        "passed": result.passed + len(result.expectedFailures),
        "failed": len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses),
        "skipped": len(result.skipped),
    }


def end_like_ctrl_c(*signals: signal.Signals) -> None:
    """Unwind instead of dying, so that no server that a test or a run has started outlives it."""
    for number in signals:
        signal.signal(number, signal.default_int_handler)
        os.register_at_fork(after_in_child=lambda number=number: signal.signal(number, signal.SIG_DFL))
