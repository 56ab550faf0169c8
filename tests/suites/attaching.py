"""Where a run reaches into Django's test cases, so that counters follow what tests do, and are checked after each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.apps.registry import Apps
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.test import TestCase, TransactionTestCase
from django.test.testcases import _AssertNumQueriesContext
from django.test.utils import CaptureQueriesContext

from .exactness import count_models, flush_all, flush_waiting, wrong_counts
from .record import record

#: With the app that the package's own models refer to.
OURS = {"django.contrib.auth", "notifications_counter", "tests.suites.counts"}


def check_every_test(*, counted: bool) -> None:
    """Look at the databases after each test, before they are put back."""
    check = check_counts if counted else note_broken
    for case in (TransactionTestCase, TestCase):
        case._fixture_teardown = _checks_first(case._fixture_teardown, check)  # type: ignore[attr-defined]


def commit_every_test() -> None:
    """What is done in a ``TestCase`` is committed too, so that what follows a commit happens."""
    TestCase._databases_support_transactions = classmethod(lambda cls: False)  # type: ignore[attr-defined]


def attach(aliases: Iterable[str]) -> None:
    """Let the counters follow what the tests do to whole databases."""
    for alias in aliases:
        flush_all(alias)
    record.counters = len(count_models(DEFAULT_DB_ALIAS))
    TransactionTestCase._fixture_setup = _flushes_first(TransactionTestCase._fixture_setup)  # type: ignore[attr-defined]
    TestCase.setUpClass = _flushes_last(TestCase.setUpClass)  # type: ignore[method-assign]
    Apps.set_available_apps = _with_ours(Apps.set_available_apps)  # type: ignore[method-assign]


def bear_other_queries() -> None:
    """Counting takes statements of its own: their number is noted, and the test goes on."""
    _AssertNumQueriesContext.__exit__ = _note_queries  # type: ignore[method-assign]


def _checks_first(fixture_teardown: Callable[[Any], None], check: Callable[[str, str], None]) -> Callable[[Any], None]:
    def _fixture_teardown(self: Any) -> None:
        if not vars(self).get("_nc_checked"):  # TestCase's may call TransactionTestCase's
            self._nc_checked = True
            for alias in self._databases_names(include_mirrors=False):
                check(self.id(), alias)
        fixture_teardown(self)

    return _fixture_teardown


def note_broken(test: str, alias: str) -> None:
    if is_broken(alias):
        record.broken.append(test)


def is_broken(alias: str) -> bool:
    """Whether the transaction of a test can no longer be used, as Django or only the database knows."""
    if connections[alias].needs_rollback:
        return True
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return True
    return False


def check_counts(test: str, alias: str) -> None:
    """Note what is wrong after a test; whatever happens here must not change how it ends."""
    if is_broken(alias):
        record.broken.append(test)
        return
    try:
        record.note_wrong(test, wrong_counts(alias))
        record.checked.append(test)
    except Exception as error:
        record.unchecked[test] = f"{type(error).__name__}: {error}"


def _flushes_first(fixture_setup: Any) -> Any:
    """Before a test's fixtures, after the rows that ``post_migrate`` has made: these are counted once for all."""

    def _fixture_setup(cls: Any) -> None:
        if not issubclass(cls, TestCase) or not cls._databases_support_transactions():
            _on_each(flush_all, cls)
        fixture_setup.__func__(cls)

    return classmethod(_fixture_setup)


def _flushes_last(set_up_class: Any) -> Any:
    """Else keys that the data of the whole class had to request a recount of would be counted anew by every read."""

    def setUpClass(cls: Any) -> None:
        set_up_class.__func__(cls)
        if cls._databases_support_transactions():
            _on_each(flush_waiting, cls)

    return classmethod(setUpClass)


def _on_each(flush: Callable[[str], None], cls: Any) -> None:
    for alias in cls._databases_names(include_mirrors=False):
        flush(alias)


def _with_ours(set_available_apps: Any) -> Any:
    """Tests that name the apps which they need do not know of ours."""

    def _set_available_apps(self: Apps, available: Any) -> None:
        set_available_apps(self, {*available, *OURS & {config.name for config in self.get_app_configs()}})

    return _set_available_apps


def _note_queries(self: Any, exc_type: Any, exc_value: Any, traceback: Any) -> None:
    CaptureQueriesContext.__exit__(self, exc_type, exc_value, traceback)
    if exc_type is None and len(self) != self.num:
        record.queries.setdefault(self.test_case.id(), []).append((self.num, len(self)))
