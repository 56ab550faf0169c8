"""The entry point for Celery, and for Django's own tasks where Django has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NoReturn

from ...exceptions import MissingExtra
from . import messaging


def _process() -> dict[str, int]:
    """Count all clicks that the broker and the database have gathered so far."""
    return asdict(messaging.process_clicks())


def _cannot_send(*args: Any, **kwargs: Any) -> NoReturn:
    raise MissingExtra("celery", "celery")


def _without_celery(function: Callable[..., Any]) -> Any:
    function.delay = function.apply_async = _cannot_send  # type: ignore[attr-defined]
    return function


try:
    from celery import shared_task
except ImportError:
    process_clicks = _without_celery(_process)
else:
    process_clicks = shared_task(name="notifications_counter.contrib.clicks.tasks.process_clicks", ignore_result=True)(
        _process
    )

try:
    from django.tasks import task
except ImportError:  # Django has tasks from 6.0 on
    pass
else:

    @task
    def process_clicks_task() -> dict[str, int]:
        """Count all clicks that were gathered so far, by Django's own tasks."""
        return _process()
