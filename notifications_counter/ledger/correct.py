"""A recount of keys under the lock of their counter, for counts that are in the database alone."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from . import deltas, progress
from .progress import Layout
from .snapshot import RecountResult
from .store import CounterStore


def correct_by_rows(store: CounterStore, keys: Sequence[str]) -> dict[str, RecountResult]:
    """Recount keys, and insert what differs as deltas.

    Raises:
        BufferMismatch: deltas may be pending elsewhere too, where they are not seen.
    """
    using, label = store.using, store.label
    with transaction.atomic(using=using, durable=True):
        store.check_layout(progress.lock(using, label, 0), Layout())
        requests = deltas.recount_request_ids(using, label, keys)
        snapshot = store.snapshot(keys, count=True)
        found = {key: snapshot.recounted(key) for key in keys}
        store.insert_deltas({key: one.difference for key, one in found.items() if one.difference})
        deltas.delete(using, requests)
    return found
