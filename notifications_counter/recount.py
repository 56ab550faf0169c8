"""The recount: count the source again, and add the difference as one more delta.

Nothing is overwritten: a difference is added like any other change, so that it is right beside whatever writers and
flushes do at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from .buffers.base import Found, slices
from .exceptions import CounterError, NothingToRecount, RecountInTransaction
from .stored import Stored

#: Seconds between two tries on a key that writers are changing.
PAUSE = 0.02


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
    if stored.events:
        raise NothingToRecount(f"{stored.label} counts events: there are no rows that could be counted again.")
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
