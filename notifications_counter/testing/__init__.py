"""Help for the tests of a site: assertions on counts that say in a failure what was stored, pending and actual.

``CounterTestMixin`` is for Django's test cases, ``notifications_counter.testing.pytest`` has the fixtures. What is
imported from here is so when it is used, because pytest imports its plugins before Django is set up.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .counts import assert_count, assert_unread, flush, wait_for_unread
    from .mixin import CounterTestMixin

__all__ = ["CounterTestMixin", "assert_count", "assert_unread", "flush", "wait_for_unread"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "mixin" if name == "CounterTestMixin" else "counts"
    return getattr(import_module(f".{module}", __name__), name)
