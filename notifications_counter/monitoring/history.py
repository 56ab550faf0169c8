"""The history of flushes: one row a minute for each counter, of minutes in which flushes changed anything."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ..applying.result import FlushResult
from ..compat.uncached import rows_of
from ..declaration.counter import CounterDeclaration
from ..exceptions import described
from ..ledger.tables import FlushRecord

logger = logging.getLogger("notifications_counter")

#: How many minutes of each counter are kept.
KEPT = 500


def note(counter: CounterDeclaration, using: str, flushed: FlushResult, **kwargs: Any) -> None:
    """Add what a flush did to the row of this minute; a receiver of the signal ``flushed``."""
    problems = len(flushed.problems) + len(flushed.lost)
    if not (flushed.keys or flushed.recounted or flushed.drifted or problems):
        return
    added = {
        "flushes": 1,
        "keys": flushed.keys,
        "recounted": flushed.recounted,
        "drifted": flushed.drifted,
        "problems": problems,
        "seconds": flushed.seconds,
    }
    try:
        with transaction.atomic(using=using):
            _add(using, counter.label, added)
    except DatabaseError as error:  # such as before the migration: no reason to fail a flush
        logger.warning("%s: what the flush did could not be noted: %s", counter.label, described(error))


def _add(using: str, label: str, added: dict[str, float]) -> None:
    rows = rows_of(FlushRecord, using)
    minute = this_minute()
    row, is_new = rows.get_or_create(counter=label, minute=minute)
    rows.filter(pk=row.pk).update(**{name: F(name) + number for name, number in added.items()})
    if is_new:
        _forget_oldest(using, label)


def _forget_oldest(using: str, label: str) -> None:
    rows = rows_of(FlushRecord, using).filter(counter=label)
    oldest = rows.order_by("-minute").values_list("minute", flat=True)[KEPT : KEPT + 1]
    for minute in list(oldest):
        rows.filter(minute__lte=minute).delete()


def recent(using: str, labels: Iterable[str], minutes: int) -> list[FlushRecord]:
    """What flushes of some counters did within the last so many minutes, the newest first."""
    since = this_minute() - timedelta(minutes=minutes - 1)
    rows = rows_of(FlushRecord, using).filter(counter__in=list(labels), minute__gte=since)
    return list(rows.order_by("-minute", "counter"))


def this_minute() -> datetime:
    """When it began."""
    return timezone.now().replace(second=0, microsecond=0)
