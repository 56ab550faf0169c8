"""By which declaration the stored counts are made, and what happens when a deployment brings another one.

Old and new processes run side by side for a while, and a digest does not tell which is newer. A declaration that was
never stored is: the first flush, or ``migrate``, that has it takes over, and lets everything be backfilled. One that
was stored before is older, as long as the flushes of the present one go on; it takes over again, as after a deployment
that was taken back, when those have ended.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from . import progress
from .store import CounterStore
from .tables import Progress

logger = logging.getLogger("notifications_counter")

#: Seconds without a flush by the stored declaration after which one that was stored before takes over again.
SILENCE = 600

#: How many former declarations are remembered.
MOST_FORMER = 20


def adopt(store: CounterStore, *, force: bool = False) -> bool:
    """Let the counts be made by this process's declaration, where that is newer than the stored one.

    Args:
        store: the counter, on one database alias, whose progress rows are there.
        force: whether to take over even if it was stored before.

    Returns:
        Whether they are made by it now; false where another one is newer.
    """
    row = progress.read(store.using, store.label, 0)
    if store.declaration in (None, row.declaration):
        return True
    with transaction.atomic(using=store.using):
        row = progress.lock(store.using, store.label, 0)
        if row.declaration == store.declaration:
            return True
        if not force and is_older(store, row):
            return False
        _take_over(store, row)
    return True


def is_older(store: CounterStore, row: Progress) -> bool:
    """Whether this process's declaration was stored before the one that is now, which is in use."""
    if store.declaration not in (row.former_declarations or "").split():
        return False
    return row.declared_at is not None and timezone.now() - row.declared_at < timedelta(seconds=SILENCE)


def _take_over(store: CounterStore, row: Progress) -> None:
    values: dict[str, Any] = {"declaration": store.declaration, "declared_at": timezone.now()}
    if row.declaration is None:  # from before declarations were stored: nothing says that it was another one
        progress.update(store.using, store.label, values)
        return
    former = [each for each in (row.former_declarations or "").split() if each != store.declaration]
    anew = {"backfilled": False, "recounted_to": None, "audited_to": None}
    noted = {"former_declarations": " ".join([*former, row.declaration][-MOST_FORMER:])}
    progress.update(store.using, store.label, {**values, **anew, **noted})
    logger.warning(
        "%s: its declaration has changed (filter, key, sum or field). Until flushes, or manage.py notification_recount,"
        " have counted everything by it once, every read counts the rows.",
        store.label,
    )


def difference(store: CounterStore, row: Progress) -> str:
    """How the stored declaration differs from this process's, a sentence; empty where it does not."""
    if row.declaration in (None, store.declaration) or store.declaration is None:
        return ""
    if is_older(store, row):
        return "a newer one makes the counts: here they are counted from the rows, and nothing is flushed"
    return "changed: reads count the rows, until a flush with the new one has counted all of them once"
