"""Counts of rows that come out below zero: surely wrong, so the rows are counted, and a recount is requested."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from django.db import Error as DatabaseError
from django.db import transaction

from ..buffers.recording import buffer_of
from ..exceptions import CounterError
from ..ledger.snapshot import in_parts
from ..ledger.store import CounterStore

logger = logging.getLogger("notifications_counter")


def without_negative(store: CounterStore, found: Mapping[str, int]) -> Mapping[str, int]:
    """Values, with the actual counts in place of those below zero; those of events and of sums may be.

    Args:
        store: the counter, on one database alias.
        found: key -> value, as its buffer has it.
    """
    wrong = [key for key, value in found.items() if value < 0]
    if not wrong or store.events or store.counter.sum is not None:
        return found
    actual: dict[str, int] = {}
    for part in in_parts(wrong):
        actual |= store.actual_counts(part)
        _request_recount(store, part)
    return {**found, **actual}


def _request_recount(store: CounterStore, keys: Sequence[str]) -> None:
    logger.warning("%s: %s of its values are below zero, and are recounted.", store.label, len(keys))
    # Where that cannot be written, as on a replica, each read counts the rows, until the audit comes by.
    with suppress(CounterError, DatabaseError), transaction.atomic(using=store.using):
        buffer_of(store).request_recount(store, keys)
