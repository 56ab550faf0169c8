"""The recount: count the source again, and add the difference as one more delta.

Nothing is overwritten: a difference is added like any other change, so that it is right beside whatever writers and
flushes do at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.db.models import Count, Exists, OuterRef

from . import progress
from .buffers.base import Found, slices
from .exceptions import RecountFailed, RecountInTransaction
from .stored import BATCH, Stored
from .where import column

#: Seconds between two tries on a key that writers are changing.
PAUSE = 0.02

#: After so many tries the keys are frozen, and what is under way has so many seconds to end.
TRIES_BEFORE_FREEZE, DRAIN = 3, 0.1

#: How the note begins that says how far a recount of all keys went: first the keys that have rows, then those that
#: have a count.
SOURCE_KEYS, COUNT_KEYS = "rows:", "counts:"


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
        """The delta that was missing: 0 where stored and buffered were right."""
        return self.true - self.stored - self.buffered


def recount(stored: Stored, keys: Sequence[str], patience: float = 120, *, check: bool = False) -> list[Recounted]:
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


def recount_once(stored: Stored, keys: Sequence[str], check: bool = False) -> dict[str, Recounted]:
    """Recount keys; those are missing in the result that a writer was busy with."""
    found: dict[str, Found] = {}
    for part in slices(keys):
        found |= stored.counter.buffer.recount(stored, part, correct=not check)
    return {key: Recounted(key, one.stored, one.buffered, one.true) for key, one in found.items()}


def _wait(stored: Stored, keys: Sequence[str], freeze: bool) -> None:
    if freeze:
        stored.counter.buffer.freeze(stored, keys)
    time.sleep(DRAIN if freeze else PAUSE)


def refuse_in_transaction(stored: Stored) -> None:
    try:
        with transaction.atomic(using=stored.using, durable=True):
            pass
    except RuntimeError:
        raise RecountInTransaction(
            f"{stored.label}: a recount cannot run inside atomic(): call it outside of any transaction."
        ) from None


# The whole table


def recount_next(stored: Stored, limit: int = BATCH, begun: bool = False) -> list[Recounted] | None:
    """Recount the next slice of all keys, and note how far it went. Several callers may take turns.

    Args:
        stored: the counter, on one database alias.
        limit: how many keys.
        begun: whether the caller has taken part already: where somebody else has reached the end, it ends too.

    Returns:
        What was found; None at the end of the table: all is filled then, and the next call begins anew.
    """
    noted = progress.read(stored.using, stored.label, 0).recounted_to
    if noted is None and begun:
        return None
    phase, after = place(noted)
    keys = next_keys(stored, phase, after, limit)
    found = recount(stored, keys) if keys else []
    if not keys and phase == SOURCE_KEYS:
        _give_rows_to_waiting_keys(stored)
    _note(stored, noted, keys, phase)
    return found if keys or phase == SOURCE_KEYS else None


def place(noted: str | None) -> tuple[str, str]:
    """Where a walk over all keys is that left this note: which part it walks over, and its last key."""
    phase, colon, after = (noted or SOURCE_KEYS).partition(":")
    return phase + colon, after


def _note(stored: Stored, noted: str | None, keys: Sequence[str], phase: str) -> None:
    """Note how far a walk is, unless it has begun anew meanwhile, because data was lost."""
    values: dict[str, Any] = {"recounted_to": COUNT_KEYS}
    if keys:
        values = {"recounted_to": f"{phase}{keys[-1]}"}
    elif phase == COUNT_KEYS:
        values = {"recounted_to": None, "filled": True, "lost_at": None}
    progress.move(stored.using, stored.label, "recounted_to", noted, values)


def _give_rows_to_waiting_keys(stored: Stored) -> None:
    """A key whose rows went before its turn may have nothing but deltas that wait: flushed, it is found by its row.

    Those that a writer has committed and not sent yet are still intended.
    """
    from .flush import apply_all

    intended = stored.counter.buffer.intended(stored)
    apply_all(stored)
    recount(stored, sorted(intended))


def all_keys(stored: Stored, limit: int = BATCH) -> Iterator[Sequence[str]]:
    """Slices of all keys whose counts may be wrong: those with rows, with a count, with deltas that wait."""
    yield from _walk(lambda after: next_keys(stored, SOURCE_KEYS, after, limit))
    yield from _walk(lambda after: next_wrong_keys(stored, after, limit))
    yield from slices(sorted(_without_rows(stored, stored.counter.buffer.buffered_keys(stored))), limit)


def _walk(following: Callable[[str], list[str]]) -> Iterator[list[str]]:
    after = ""
    while keys := following(after):
        yield keys
        after = keys[-1]


def _without_rows(stored: Stored, keys: Iterable[str]) -> set[str]:
    """The keys that have neither rows nor a count."""
    left = set(keys)
    for part in slices(sorted(left)):
        look = stored.look(part, count=True)
        left -= {key for key in part if look.true.get(key) or look.stored.get(key)}
    return left


def next_keys(stored: Stored, phase: str, after: str, limit: int) -> list[str]:
    """The next keys of a walk over all: first those that have rows, then those that have a count."""
    if phase == SOURCE_KEYS:
        return _after(stored, with_rows(stored), key_name(stored), after, limit)
    # All of them: one whose rows were gone at its turn may have got new ones since.
    return _after(stored, models.QuerySet(stored.counter.model, using=stored.using), "pk", after, limit)


def next_wrong_keys(stored: Stored, after: str, limit: int) -> list[str]:
    """The next keys that have a count and no rows."""
    rows = with_rows(stored).filter(**{key_name(stored): OuterRef("pk")})
    counts: models.QuerySet[Any] = models.QuerySet(stored.counter.model, using=stored.using)
    counts = counts.exclude(**{stored.counter.field.attname: 0}).filter(~Exists(rows))
    return _after(stored, counts, "pk", after, limit)


def _after(stored: Stored, rows: models.QuerySet[Any], name: str, after: str, limit: int) -> list[str]:
    if after:
        rows = rows.filter(**{f"{name}__gt": stored.counter.key_field.to_python(after)})
    found = rows.order_by(name).values_list(name, flat=True).distinct()[:limit]
    return [stored.counter.key_text(key) for key in found]


def with_rows(stored: Stored) -> models.QuerySet[Any]:
    """The rows of the source that count for a key."""
    assert stored.counter.source is not None
    rows: models.QuerySet[Any] = models.QuerySet(stored.counter.source, using=stored.using)
    return rows.filter(stored.counter.where, **{f"{key_name(stored)}__isnull": False})


def key_name(stored: Stored) -> str:
    assert stored.counter.source is not None
    return column(stored.counter.source, stored.counter.source_key or "").attname


def number_of_keys(stored: Stored) -> int:
    """How many keys a recount of the whole table looks at, for a progress bar: about twice those that have rows."""
    number: int = with_rows(stored).aggregate(number=Count(key_name(stored), distinct=True))["number"]
    return 2 * number
