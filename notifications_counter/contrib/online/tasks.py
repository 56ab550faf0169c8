"""The entry point for Celery. Without it this module can be imported, and ``online_tick`` called."""

from __future__ import annotations

from ...tasks import celery_task
from .presence import tick


def _tick() -> None:
    """Begin the next period of the layout "two_sets"."""
    tick()


online_tick = celery_task(_tick, "notifications_counter.contrib.online.tasks.online_tick", ignore_result=True)
