"""Tests of an app that only one of the suites has installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import TestLoader, TestSuite

from django.apps import apps


def tests_of(app: str, package: str) -> Callable[[TestLoader, TestSuite, str | None], Any]:
    """What ``load_tests`` of a package of tests is: nothing of it is even imported where the app is not installed.

    Args:
        app: the app.
        package: the package's ``__file__``.
    """
    folder = Path(package).parent

    def load_tests(loader: TestLoader, tests: TestSuite, pattern: str | None) -> Any:
        if not apps.is_installed(app):
            return TestSuite()
        return loader.discover(str(folder), pattern or "test*.py", str(folder.parent.parent))

    return load_tests
