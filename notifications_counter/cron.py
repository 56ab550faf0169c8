"""The entry point for django-crontab, and for any other scheduler that calls a function.

CRONJOBS = [("* * * * *", "notifications_counter.cron.update_counter")]
"""

from __future__ import annotations

from typing import Any

from .flushing.all_counters import flush_all, refuse_failures


def update_counter(**options: Any) -> None:
    """Flush all counters.

    Args:
        options: those of ``flushing.flush_all``, such as ``chunk_size``.

    Raises:
        FlushFailed: something could not be flushed; it is still pending. The log says what.
    """
    refuse_failures(flush_all(**options))
