"""The recount: count the source again, and add the difference as one more delta.

Nothing is overwritten: a difference is added like any other change, so that it is right beside whatever writers and
flushes do at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.db import transaction

from ..buffers import recording
from ..buffers.recording import buffer_of
from ..exceptions import RecountFailed, RecountInTransaction, shown
from ..ledger import refused
from ..ledger.declared import adopt
from ..ledger.identity import identify
from ..ledger.snapshot import RecountResult, in_parts
from ..ledger.store import CounterStore

#: Seconds between two tries on a key that writers are changing.
PAUSE = 0.02

#: After so many tries the keys are frozen, and what is under way has so many seconds to end.
TRIES_BEFORE_FREEZE, PAUSE_AFTER_FREEZE = 3, 0.1


def recount_anew(store: CounterStore, keys: Sequence[str], *, check: bool = False) -> list[RecountResult]:
    """Recount keys, by a call of its own; see ``Counter.recount``.

    Before, a database that is a copy is noticed, and a newer declaration takes over. Keys that were set aside, because
    their table refuses them, are tried again by the next flush.
    """
    store.refuse_events()
    refuse_in_transaction(store)
    if not check:
        identify(store.using)
        store.ensure_progress(buffer_of(store).layout.shards)
        refused.try_again(store.using, store.label, keys)
        if adopt(store):
            buffer_of(store).declare(store)
    return recount(store, keys, check=check)


def recount(
    store: CounterStore, keys: Sequence[str], patience: float = 120, *, check: bool = False
) -> list[RecountResult]:
    """Recount keys; see ``Counter.recount``.

    Args:
        store: the counter, on one database alias.
        keys: the keys, each once.
        patience: for how many seconds keys are tried again on which writers are busy.
        check: whether to change nothing.

    Raises:
        RecountFailed: that was not enough. The other keys are done.
    """
    store.refuse_events()
    refuse_in_transaction(store)
    found = recount_once(store, keys, check)
    buffer, end, tries = buffer_of(store), time.monotonic() + patience, 1
    while left := [key for key in keys if key not in found]:
        if time.monotonic() > end:
            raise RecountFailed(f"{store.label}: writers left no gap to recount: {', '.join(map(shown, left[:5]))}")
        _wait(store, left, freeze=buffer.recounts_by_guard and tries >= TRIES_BEFORE_FREEZE and not check)
        found |= recount_once(store, left, check)
        tries += 1
    return [found[key] for key in keys]


def recount_once(store: CounterStore, keys: Sequence[str], check: bool = False) -> dict[str, RecountResult]:
    """Recount keys; the result lacks those on which a writer was busy."""
    found: dict[str, RecountResult] = {}
    for part in in_parts(keys):
        found |= buffer_of(store).recount(store, part, correct=not check)
    convert = store.counter.amounts.from_units
    if not check:
        recording.corrected(store.counter, [key for key, one in found.items() if one.difference], store.using)
    return found if convert is None else {key: one.converted(convert) for key, one in found.items()}


def _wait(store: CounterStore, keys: Sequence[str], freeze: bool) -> None:
    if freeze:
        buffer_of(store).freeze(store, keys)
    time.sleep(PAUSE_AFTER_FREEZE if freeze else PAUSE)


def refuse_in_transaction(store: CounterStore) -> None:
    """Refuse to recount inside a transaction.

    Raises:
        RecountInTransaction: one is open.
    """
    try:
        with transaction.atomic(using=store.using, durable=True):
            pass
    except RuntimeError:
        raise RecountInTransaction(
            f"{store.label}: a recount cannot run inside atomic(): call it outside of any transaction."
        ) from None
