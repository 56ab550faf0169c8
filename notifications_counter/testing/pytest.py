"""The assertions as fixtures of pytest, beside pytest-django.

In the ``conftest.py`` at the root of the project::

    pytest_plugins = ["notifications_counter.testing.pytest"]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from .. import testing

if TYPE_CHECKING:
    from ..applying.result import FlushResult
    from ..counters import Counter


@pytest.fixture
def assert_unread() -> Callable[..., None]:
    """``assert_unread(user, 3)`` fails unless a user has so many unread notifications."""
    return testing.assert_unread


@pytest.fixture
def assert_count() -> Callable[..., None]:
    """``assert_count(ArticleCount.counter, author, 3)`` fails unless a counter has this value for a key."""
    return testing.assert_count


@pytest.fixture
def wait_for_unread() -> Callable[..., None]:
    """``wait_for_unread(user, 3, timeout=5)`` waits for what another thread or process brings about."""
    return testing.wait_for_unread


@pytest.fixture
def flush() -> Iterator[Callable[..., list[FlushResult]]]:
    """``flush()`` flushes all counters, or those that it is given; also in a test that never commits."""
    with ExitStack() as at_end:

        def flush_now(*chosen: Counter, using: str | None = None) -> list[FlushResult]:
            return testing.flush(chosen, using, at_end.callback)

        yield flush_now
