"""The entry point for Celery. Without it this module can be imported, and ``online_tick`` called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ...exceptions import MissingExtra
from .presence import tick


def _tick() -> None:
    """Begin the next period of the layout "two_sets"."""
    tick()


def _cannot_send(*args: Any, **kwargs: Any) -> NoReturn:
    raise MissingExtra("celery", "celery")


def _without_celery(function: Callable[..., Any]) -> Any:
    function.delay = function.apply_async = _cannot_send  # type: ignore[attr-defined]
    return function


try:
    from celery import shared_task
except ImportError:
    online_tick = _without_celery(_tick)
else:
    online_tick = shared_task(name="notifications_counter.contrib.online.tasks.online_tick", ignore_result=True)(_tick)
