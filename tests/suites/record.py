"""What a run of a suite writes down: how each test ended, and which counts were wrong after it."""

from __future__ import annotations

import json
import traceback
import unittest
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Record:
    """As JSON it is what ``comparison.Run`` reads."""

    def __init__(self) -> None:
        #: How a test ended, the first line of what it said, and the traceback.
        self.outcomes: dict[str, tuple[str, str, str]] = {}
        self.wrong: dict[str, list[Any]] = {}
        #: Tests after which nothing could be counted, because a statement had failed or an exception had left atomic().
        self.broken: list[str] = []
        self.unchecked: dict[str, str] = {}
        #: For each assertNumQueries: the number that was expected, and that there was.
        self.queries: dict[str, list[tuple[int, int]]] = {}
        self.checked: list[str] = []
        self.counters = 0

    def note_wrong(self, test: str, found: Iterable[Any]) -> None:
        if found := list(found):
            self.wrong.setdefault(test, []).extend(found)

    def write(self, path: str) -> None:
        Path(path).write_text(json.dumps(vars(self)))


record = Record()


class Result(unittest.TextTestResult):
    """Notes the outcome of each test. One that ends several times, as by its subtests, has failed if one has."""

    def _note(self, test: Any, outcome: str, error: Any = None) -> None:
        if record.outcomes.get(test.id(), ("passed",))[0] in ("passed", "skipped"):
            record.outcomes[test.id()] = outcome, *_said(error)

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        self._note(test, "passed")

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._note(test, "error", err)

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._note(test, "failed", err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, "failed", err)

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        self._note(test, "skipped")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self._note(test, "failed as expected")

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self._note(test, "passed unexpectedly")


def _said(error: Any) -> tuple[str, str]:
    if error is None:
        return "", ""
    short = "".join(traceback.format_exception_only(error[1])).strip().splitlines()[0]
    return short[:300], "".join(traceback.format_exception(*error))
