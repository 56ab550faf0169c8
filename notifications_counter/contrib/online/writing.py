"""What each flush writes of who was seen: one row for each user."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections, router

from ...exceptions import BufferUnavailable
from .layouts import layout
from .layouts.base import Seen
from .models import LastSeen
from .presence import time_of

logger = logging.getLogger("notifications_counter")


def on_flush(sender: Any, *, stop: Callable[[], bool] | None = None, **kwargs: Any) -> None:
    """At the end of a flush: write when everybody was seen who was since the one before."""
    if LastSeen._meta.db_table in connections[router.db_for_write(LastSeen)].introspection.table_names():
        write(stop)


def write(stop: Callable[[], bool] | None = None) -> int:
    """Write when everybody was seen who was since the last time; how many they are.

    Args:
        stop: asked between the parts; what is left is written the next time.
    """
    number = 0
    try:
        for part in layout().to_write():
            _write(part)
            layout().written(part)
            number += len(part)
            if stop is not None and stop():
                break
    except BufferUnavailable as error:
        logger.debug("When users were last seen is not known now: %s", error)
    return number


def _write(part: Sequence[Seen]) -> None:
    """One statement. A name that Redis has no more has been written before, and is left as it is."""
    using = router.db_for_write(LastSeen)
    rows = LastSeen.objects.using(using)
    with_target = connections[using].features.supports_update_conflicts_with_target
    for named in (True, False):
        found = [LastSeen(seen.number, seen.name, time_of(seen.second)) for seen in part if bool(seen.name) is named]
        rows.bulk_create(
            found,
            update_conflicts=True,
            unique_fields=["number"] if with_target else None,
            update_fields=["name", "seen_at"] if named else ["seen_at"],
        )
