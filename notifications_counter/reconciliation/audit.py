"""The audit: flushes recount every key once a day, whatever has happened, so that no wrong count lasts."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from ..compat.uncached import rows_of
from ..conf import get_settings
from ..exceptions import shown
from ..ledger import progress
from ..ledger.snapshot import BATCH, RecountResult
from ..ledger.store import CounterStore
from ..ledger.tables import Progress
from .orphans import delete_orphans, owned
from .recount import recount_once
from .walk import COUNT_KEYS, SOURCE_KEYS, next_keys, next_wrong_keys, note_of, place

logger = logging.getLogger("notifications_counter")

#: Seconds that the audit of one counter takes at most in one run.
MOST_SECONDS = 1.0

#: Seconds that one slice should take: keys with very many rows are counted a few at a time.
SLICE_SECONDS = 0.1

#: How many seconds the first run of a counter makes up for.
FIRST_INTERVAL = 60


@dataclass
class AuditResult:
    """What an audit did.

    Attributes:
        keys: how many keys it recounted.
        drifted: the wrong counts that it found, and corrected.
    """

    keys: int = 0
    drifted: list[RecountResult] = field(default_factory=list)


def audit(store: CounterStore, stop: Callable[[], bool] = lambda: False) -> AuditResult:
    """Recount as many keys as are due by now.

    Args:
        store: the counter, on one database alias.
        stop: asked between slices; a true answer ends it.
    """
    done = AuditResult()
    within = get_settings().AUDIT_INTERVAL
    if within is None:
        return done
    row = progress.read(store.using, store.label, 0)
    end, size, due = time.monotonic() + MOST_SECONDS, 1, _due(store, row, within)
    while done.keys < due and time.monotonic() < end and not stop():
        size = _next_size(store, done, min(size, due - done.keys))
        if not size:
            break
    _note(store, done)
    return done


def _due(store: CounterStore, row: Progress, within: float) -> int:
    """How many keys are due: of a whole table within so many seconds, the part that has passed since the last run."""
    keys = row.audit_keys
    if row.audited_to is None:
        keys = rows_of(store.counter.model, store.using).count()
        progress.update(store.using, store.label, {"audit_keys": keys})
    passed = timezone.now() - row.audited_at if row.audited_at else timedelta(seconds=FIRST_INTERVAL)
    return max(1, math.ceil(keys * passed.total_seconds() / within))


def _next_size(store: CounterStore, done: AuditResult, size: int) -> int:
    """Recount the next keys; how many the next slice should have, 0 at the end of the table."""
    began = time.monotonic()
    keys = _take(store, size)
    if not keys:
        return 0
    found = recount_once(store, owned(store, keys))
    done.keys += len(found)  # those that are missing were being changed, and have their turn in the next round
    done.drifted += [one for one in found.values() if one.difference]
    seconds = max(time.monotonic() - began, 0.001)
    return max(1, min(BATCH, math.ceil(len(keys) * min(SLICE_SECONDS / seconds, 8))))


def _take(store: CounterStore, limit: int) -> Sequence[str]:
    """The next keys, and a note that their turn has come; none at the end, and the next call begins anew."""
    noted = progress.read(store.using, store.label, 0).audited_to
    phase, after = place(noted)
    if phase == SOURCE_KEYS:
        keys = next_keys(store, SOURCE_KEYS, after, limit)
        if not keys:
            phase, after = COUNT_KEYS, None
    if phase == COUNT_KEYS:
        keys = next_wrong_keys(store, after, limit)
    if not keys:
        delete_orphans(store)
    to = note_of(phase, keys[-1]) if keys else None
    progress.update(store.using, store.label, {"audited_to": to})
    return keys


def _note(store: CounterStore, done: AuditResult) -> None:
    now = timezone.now()
    values: dict[str, Any] = {"audited_at": now}
    if done.drifted:
        amount = sum(abs(store.counter.amounts.of_value(one.difference)) for one in done.drifted)
        values |= {"drift_at": now, "drift_keys": len(done.drifted), "drift_amount": amount}
        logger.warning("%s: %s", store.label, _sentence(done.drifted))
    progress.update(store.using, store.label, values)


def _sentence(drifted: Sequence[RecountResult]) -> str:
    some = ", ".join(f"{shown(one.key)}: {one.actual - one.difference} instead of {one.actual}" for one in drifted[:5])
    more = ", ..." if len(drifted) > 5 else ""
    counts = "1 wrong count" if len(drifted) == 1 else f"{len(drifted)} wrong counts"
    return (
        f"the audit has found and corrected {counts} ({some}{more}). Something changes rows behind"
        ' the counter\'s back: the page "Limits" of the documentation says what, under "What is not counted at once".'
    )
