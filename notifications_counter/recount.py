"""The recount: count the source again, and add the difference as one more delta.

Nothing is overwritten: a difference is added like any other change, so that it is right beside whatever writers and
flushes do at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.db.models import Count

from . import progress
from .buffers.base import Found, slices
from .exceptions import CounterError, RecountInTransaction
from .stored import BATCH, Stored
from .where import column

#: Seconds between two tries on a key that writers are changing.
PAUSE = 0.02

#: How the note begins that says how far a recount of all keys went: first the keys that have rows, then those that
#: have a count.
SOURCE_KEYS, COUNT_KEYS = "rows:", "counts:"


class RecountFailed(CounterError):
    """Writers never left a key alone for as long as a recount needs."""


@dataclass(frozen=True)
class Recounted:
    """What a recount found of a key.

    Attributes:
        key: the key, as text.
        stored: what its row held.
        buffered: what was waiting.
        true: how many rows of the source count.
    """

    key: str
    stored: int
    buffered: int
    true: int

    @property
    def changed(self) -> int:
        """The delta that was added: 0 where stored and buffered were right."""
        return self.true - self.stored - self.buffered


def recount(stored: Stored, keys: Sequence[str], patience: float = 120) -> list[Recounted]:
    """Recount keys; see ``Counter.recount``.

    Args:
        stored: the counter, on one database alias.
        keys: the keys, each once.
        patience: for how many seconds a key is tried on which writers are busy.

    Raises:
        RecountFailed: that was not enough. The other keys are done.
    """
    stored.refuse_events()
    refuse_in_transaction(stored)
    found: dict[str, Found] = {}
    end = time.monotonic() + patience
    left = list(keys)
    while left:
        for part in slices(left):
            found |= stored.counter.buffer.recount(stored, part)
        left = [key for key in left if key not in found]
        if left and time.monotonic() > end:
            raise RecountFailed(f"{stored.label}: writers left no gap to recount: {', '.join(left[:5])}")
        if left:
            time.sleep(PAUSE)
    return [Recounted(key, found[key].stored, found[key].buffered, found[key].true) for key in keys]


def refuse_in_transaction(stored: Stored) -> None:
    try:
        with transaction.atomic(using=stored.using, durable=True):
            pass
    except RuntimeError:
        raise RecountInTransaction(
            f"{stored.label}: a recount cannot run inside atomic(): call it outside of any transaction."
        ) from None


# The whole table


def recount_next(stored: Stored, limit: int = BATCH) -> list[Recounted] | None:
    """Recount the next slice of all keys, and note how far it went.

    Args:
        stored: the counter, on one database alias.
        limit: how many keys.

    Returns:
        What was found; None at the end of the table: all is filled then, and the next call begins anew.
    """
    row = progress.read(stored.using, stored.label, 0)
    phase, _, after = (row.recounted_to or SOURCE_KEYS).partition(":")
    keys = _next_keys(stored, phase + ":", after, limit)
    found = recount(stored, keys) if keys else []
    if keys:
        progress.update(stored.using, stored.label, {"recounted_to": f"{phase}:{keys[-1]}"})
    elif phase + ":" == SOURCE_KEYS:
        _give_rows_to_waiting_keys(stored)
        progress.update(stored.using, stored.label, {"recounted_to": COUNT_KEYS})
    else:
        progress.update(stored.using, stored.label, {"recounted_to": None, "filled": True})
        return None
    return found


def _give_rows_to_waiting_keys(stored: Stored) -> None:
    """A key whose rows went before its turn may have nothing but deltas that wait: flushed, it is found by its row.

    Those that a writer has committed and not sent yet are still intended.
    """
    from .flush import apply_all

    buffer = stored.counter.buffer
    intended = {key for shard in range(buffer.layout.shards) for key in buffer.intended(stored, shard)}
    apply_all(stored)
    recount(stored, sorted(intended))


def _next_keys(stored: Stored, phase: str, after: str, limit: int) -> list[str]:
    rows, name = _with_rows(stored) if phase == SOURCE_KEYS else _with_counts(stored)
    if after:
        rows = rows.filter(**{f"{name}__gt": stored.counter.key_field.to_python(after)})
    found = rows.order_by(name).values_list(name, flat=True).distinct()[:limit]
    return [stored.counter.key_text(key) for key in found]


def _with_rows(stored: Stored) -> tuple[models.QuerySet[Any], str]:
    name = _key_name(stored)
    return _source_rows(stored).filter(stored.counter.where, **{f"{name}__isnull": False}), name


def _with_counts(stored: Stored) -> tuple[models.QuerySet[Any], str]:
    # All of them: one whose rows were gone at its turn may have got new ones since.
    return models.QuerySet(stored.counter.model, using=stored.using), "pk"


def _source_rows(stored: Stored) -> models.QuerySet[Any]:
    assert stored.counter.source is not None
    return models.QuerySet(stored.counter.source, using=stored.using)


def _key_name(stored: Stored) -> str:
    assert stored.counter.source is not None
    return column(stored.counter.source, stored.counter.source_key or "").attname


def number_of_keys(stored: Stored) -> int:
    """How many keys a recount of the whole table looks at, for a progress bar: about twice those that have rows."""
    rows, name = _with_rows(stored)
    number: int = rows.aggregate(number=Count(name, distinct=True))["number"]
    return 2 * number
