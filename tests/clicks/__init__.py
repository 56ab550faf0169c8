"""Tests of the click counter, which the suite of the apps alone has installed."""

from pathlib import Path
from typing import Any
from unittest import TestLoader, TestSuite

from django.apps import apps


def load_tests(loader: TestLoader, tests: TestSuite, pattern: str | None) -> Any:
    if not apps.is_installed("notifications_counter.contrib.clicks"):
        return TestSuite()
    folder = Path(__file__).parent
    return loader.discover(str(folder), pattern or "test*.py", str(folder.parent.parent))
