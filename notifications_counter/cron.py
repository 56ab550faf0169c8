"""The entry points for django-crontab, and for any other scheduler that calls a function.

CRONJOBS = [
    ("* * * * *", "notifications_counter.cron.update_counter"),
    ("30 3 * * *", "notifications_counter.cron.prune", ["90d"], {"keep": 1000}),
]
"""

from __future__ import annotations

from typing import Any

from . import pruning
from .flushing.all_counters import flush_all, refuse_failures


def update_counter(**options: Any) -> None:
    """Flush all counters.

    Args:
        options: those of ``flushing.flush_all``, such as ``chunk_size``.

    Raises:
        FlushFailed: something could not be flushed; it is still pending. The log says what.
    """
    refuse_failures(flush_all(**options))


def prune(older_than: str, **options: Any) -> None:
    """Delete old notifications.

    Args:
        older_than: such as ``"90d"``.
        options: those of ``pruning.prune``, such as ``keep``.

    Raises:
        InvalidOption: one of them is wrong.
        DatabaseFailed: the database failed in a way that does not pass. What was deleted before is gone.
    """
    pruning.prune(older_than, **options)
