"""The entry point for Celery, and for Django's own tasks where Django has them."""

from __future__ import annotations

from dataclasses import asdict

from ...tasks import celery_task
from . import messaging


def _process() -> dict[str, int]:
    """Count all clicks that the broker and the database have gathered so far."""
    return asdict(messaging.process_clicks())


process_clicks = celery_task(_process, "notifications_counter.contrib.clicks.tasks.process_clicks", ignore_result=True)

try:
    from django.tasks import task
except ImportError:  # Django has tasks from 6.0 on
    pass
else:

    @task
    def process_clicks_task() -> dict[str, int]:
        """Count all clicks that were gathered so far, by Django's own tasks."""
        return _process()
