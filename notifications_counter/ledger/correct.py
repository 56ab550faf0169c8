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
        RecountFailed: the counts are made by another declaration than this process has.
    """
    found: dict[str, RecountResult] = {}
    for part in store.one_by_one(keys):
        found |= _correct(store, part)
    return found


def _correct(store: CounterStore, keys: Sequence[str]) -> dict[str, RecountResult]:
    using, label = store.using, store.label
    with transaction.atomic(using=using, durable=True):
        row = progress.lock(using, label, 0)
        store.check_layout(row, Layout())
        store.refuse_other(row.declaration)
        requests = deltas.recount_request_ids(using, label, store.declaration, keys)
        snapshot = store.snapshot(keys, count=True)
        found = {key: snapshot.recounted(key) for key in keys}
        store.insert_deltas({key: one.difference for key, one in found.items() if one.difference})
        deltas.delete(using, requests)
    return found
