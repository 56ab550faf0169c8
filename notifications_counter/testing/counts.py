"""Assertions on counts, and the flush of a test."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections

from ..applying.result import FlushResult
from ..buffers.on_commit import send_in_test_case
from ..compat.uncached import rows_of
from ..counters import Counter, counters
from ..exceptions import shown
from ..flushing.all_counters import flush_all, refuse_failures
from ..models import UserNotificationsCount

#: Seconds between two looks at a count that is waited for.
INTERVAL = 0.02


def assert_unread(user: Any, expected: int, *, using: str | None = None) -> None:
    """Fail unless a user has so many unread notifications.

    Args:
        user: the user, or the user's primary key.
        expected: how many.
        using: a database alias, where it is not the default.
    """
    __tracebackhide__ = True
    assert_count(UserNotificationsCount.counter, user, expected, using=using)


def assert_count(counter: Counter, key: Any, expected: Any, *, using: str | None = None) -> None:
    """Fail unless a counter has this value for a key.

    Args:
        counter: such as ``ArticleCount.counter``.
        key: the key, or the instance whose primary key it is.
        expected: the value.
        using: a database alias, where it is not the counter's own.
    """
    __tracebackhide__ = True
    found = counter.value(key, using=using)
    if found != expected:
        raise AssertionError(
            f"{_sentence(counter, key, found, using)}, not {expected!s}. {_details(counter, key, using)}"
        )


def wait_for_unread(user: Any, expected: int, timeout: float = 5.0, *, using: str | None = None) -> None:
    """Wait until a user has so many unread notifications, which another thread or process brings about.

    Args:
        user: the user, or the user's primary key.
        expected: how many.
        timeout: fail after so many seconds.
        using: a database alias, where it is not the default.
    """
    __tracebackhide__ = True
    counter, end = UserNotificationsCount.counter, time.monotonic() + timeout
    while (found := counter.value(user, using=using)) != expected:
        if time.monotonic() > end:
            said = f"{_sentence(counter, user, found, using)} after {timeout:g} s, not {expected!s}."
            raise AssertionError(f"{said} {_details(counter, user, using)}")
        time.sleep(INTERVAL)


def flush(
    chosen: Sequence[Counter], using: str | None, at_end: Callable[[Callable[[], None]], Any]
) -> list[FlushResult]:
    """Flush counters, also what a ``TestCase`` has changed, which never commits.

    Args:
        chosen: the counters; all where there are none.
        using: a database alias, where it is not each counter's own.
        at_end: takes what is to be called at the end of the test.

    Raises:
        FlushFailed: something could not be flushed.
    """
    chosen = chosen or counters()
    for alias in {counter.store(using).using for counter in chosen}:
        at_end(send_in_test_case(connections[alias]))
    results = flush_all(chosen, using=using)
    refuse_failures(results)
    return results


def _sentence(counter: Counter, key: Any, found: Any, using: str | None) -> str:
    return f"{counter.label}: the value of {shown(counter.key_text(key))} is {found}"


def _details(counter: Counter, key: Any, using: str | None) -> str:
    """What the value is made of, and what the rows come to."""
    store, text = counter.store(using), counter.key_text(key)
    rows = rows_of(counter.model, store.using).filter(pk=store.to_pk(text))
    stored = rows.values_list(counter.field.attname, flat=True).first() or 0
    pending = counter.value(key, using=using) - stored
    if store.events:
        return f"Stored: {stored}, pending: {pending}."
    actual = counter.amounts.read(store.actual_counts([text])[text])
    return f"Stored: {stored}, pending: {pending}, actual: {actual}."
