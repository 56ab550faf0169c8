"""The entry points for Celery, and for Django's own tasks where Django has them.

Without either this module can be imported, and ``update_counter`` and ``prune`` called; to send them to Celery needs
the extra.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from . import pruning
from .exceptions import MissingExtra
from .flushing.all_counters import flush_all, refuse_failures

try:
    from celery import shared_task
except ImportError:
    shared_task = None


def celery_task(function: Callable[..., Any], name: str, **options: Any) -> Any:
    """A function as a task of Celery; without Celery itself, which can be called, and says which extra sends it.

    Args:
        function: what the task does.
        name: of the task.
        options: of ``celery.shared_task``.
    """
    if shared_task is not None:
        return shared_task(name=name, **options)(function)
    function.delay = function.apply_async = _cannot_send  # type: ignore[attr-defined]
    return function


def _cannot_send(*args: Any, **kwargs: Any) -> NoReturn:
    raise MissingExtra("celery", "celery")


def _flush() -> None:
    """Flush all counters; fails where something could not be flushed."""
    refuse_failures(flush_all())


def _prune(older_than: str, **options: Any) -> int:
    """Delete old notifications; how many it were.

    Args:
        older_than: such as ``"90d"``.
        options: those of ``pruning.prune``, such as ``keep``.
    """
    return pruning.prune(older_than, **options).deleted


update_counter = celery_task(_flush, "notifications_counter.tasks.update_counter", ignore_result=True)
prune = celery_task(_prune, "notifications_counter.tasks.prune", ignore_result=True)

try:
    from django.tasks import task
except ImportError:  # Django has tasks from 6.0 on
    pass
else:

    @task
    def update_counter_task() -> None:
        """Flush all counters, by Django's own tasks."""
        _flush()

    @task
    def prune_task(older_than: str, **options: Any) -> int:
        """Delete old notifications, by Django's own tasks."""
        return _prune(older_than, **options)
