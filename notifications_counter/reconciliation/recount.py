"""The recount: count the source again, and add the difference as one more delta.

Nothing is overwritten: a difference is added like any other change, so that it is right beside whatever writers and
flushes do at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from ..buffers.recording import buffer_of
from ..exceptions import RecountFailed, RecountInTransaction
from ..ledger.snapshot import RecountResult, in_parts
from ..ledger.store import CounterStore

#: Seconds between two tries on a key that writers are changing.
PAUSE = 0.02

#: After so many tries the keys are frozen, and what is under way has so many seconds to end.
TRIES_BEFORE_FREEZE, DRAIN = 3, 0.1


@dataclass(frozen=True)
class RecountResult:
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
        """The delta that was missing: 0 where stored and buffered were right."""
        return self.true - self.stored - self.buffered


def recount(stored: CounterStore, keys: Sequence[str], patience: float = 120, *, check: bool = False) -> list[RecountResult]:
    """Recount keys; see ``Counter.recount``.

    Args:
        stored: the counter, on one database alias.
        keys: the keys, each once.
        patience: for how many seconds a key is tried on which writers are busy.
        check: whether to change nothing.

    Raises:
        RecountFailed: that was not enough. The other keys are done.
    """
    stored.refuse_events()
    refuse_in_transaction(stored)
    found = recount_once(stored, keys, check)
    end, tries = time.monotonic() + patience, 1
    while left := [key for key in keys if key not in found]:
        if time.monotonic() > end:
            raise RecountFailed(f"{stored.label}: writers left no gap to recount: {', '.join(left[:5])}")
        _wait(stored, left, freeze=tries >= TRIES_BEFORE_FREEZE and not check)
        found |= recount_once(stored, left, check)
        tries += 1
    return [found[key] for key in keys]


def recount_once(stored: CounterStore, keys: Sequence[str], check: bool = False) -> dict[str, RecountResult]:
    """Recount keys; those are missing in the result that a writer was busy with."""
    found: dict[str, RecountResult] = {}
    for part in in_parts(keys):
        found |= buffer_of(stored.counter).recount(stored, part, correct=not check)
    return {key: RecountResult(key, one.stored, one.pending, one.actual) for key, one in found.items()}


def _wait(stored: CounterStore, keys: Sequence[str], freeze: bool) -> None:
    if freeze:
        buffer_of(stored.counter).freeze(stored, keys)
    time.sleep(DRAIN if freeze else PAUSE)


def refuse_in_transaction(stored: CounterStore) -> None:
    try:
        with transaction.atomic(using=stored.using, durable=True):
            pass
    except RuntimeError:
        raise RecountInTransaction(
            f"{stored.label}: a recount cannot run inside atomic(): call it outside of any transaction."
        ) from None
