"""A recount of keys under the lock of their counter, for counts that are in the database alone."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from . import deltas as waiting
from . import progress
from .progress import Layout
from .snapshot import RecountResult, found_in
from .store import CounterStore


def correct_by_rows(stored: CounterStore, keys: Sequence[str]) -> dict[str, RecountResult]:
    """Recount keys, and let what differs wait in the database.

    Raises:
        BufferMismatch: deltas may wait elsewhere too, where it is not seen.
    """
    using, label = stored.using, stored.label
    with transaction.atomic(using=using, durable=True):
        stored.check_layout(progress.lock(using, label, 0), Layout())
        asked = waiting.asked_of(using, label, keys)
        look = stored.snapshot(keys, count=True)
        found = {key: look.recounted(key) for key in keys}
        stored.insert_deltas({key: one.difference for key, one in found.items() if one.difference})
        waiting.delete(using, asked)
    return found
