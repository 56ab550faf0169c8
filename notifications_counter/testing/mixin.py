"""The assertions as methods of a test case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..applying.result import FlushResult
from ..counters import Counter
from . import counts

if TYPE_CHECKING:
    from django.test import SimpleTestCase as Base
else:
    Base = object


class CounterTestMixin(Base):
    """For a ``TestCase``, a ``TransactionTestCase`` or a ``LiveServerTestCase``, before which it stands.

    .. code-block:: python

       class InboxTests(CounterTestMixin, TestCase): ...
    """

    def assert_unread(self, user: Any, expected: int, *, using: str | None = None) -> None:
        """Fail unless a user has so many unread notifications.

        Args:
            user: the user, or the user's primary key.
            expected: how many.
            using: a database alias, where it is not the default.
        """
        counts.assert_unread(user, expected, using=using)

    def assert_count(self, counter: Counter, key: Any, expected: Any, *, using: str | None = None) -> None:
        """Fail unless a counter has this value for a key.

        Args:
            counter: such as ``ArticleCount.counter``.
            key: the key, or the instance whose primary key it is.
            expected: the value.
            using: a database alias, where it is not the counter's own.
        """
        counts.assert_count(counter, key, expected, using=using)

    def wait_for_unread(self, user: Any, expected: int, timeout: float = 5.0, *, using: str | None = None) -> None:
        """Wait until a user has so many unread notifications, which another thread or process brings about.

        Args:
            user: the user, or the user's primary key.
            expected: how many.
            timeout: fail after so many seconds.
            using: a database alias, where it is not the default.
        """
        counts.wait_for_unread(user, expected, timeout, using=using)

    def flush(self, *chosen: Counter, using: str | None = None) -> list[FlushResult]:
        """Flush counters: those that are given, or all. Also in a ``TestCase``, which never commits.

        Args:
            chosen: the counters.
            using: a database alias, where it is not each counter's own.

        Returns:
            What was done, for each counter.

        Raises:
            FlushFailed: something could not be flushed.
        """
        return counts.flush(chosen, using, self.addCleanup)
