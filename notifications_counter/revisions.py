"""Revisions: for each key a number that rises with every change of some counters, so that a push never goes back.

A page or a device that is told of values by itself may hear of them late, twice, or in another order than they were
read. With each it is told a revision and its epoch: it takes what has the higher revision, and whatever has another
epoch than what it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from django.db import models

from .buffers import changed, recording
from .counters import Counter
from .exceptions import InvalidSettings
from .together import ReadTogether, read_together

T = TypeVar("T")

#: How often values are read again because something has changed while they were read.
TRIES = 5


@dataclass(frozen=True)
class Revised(Generic[T]):
    """What was read of a key at one revision.

    Attributes:
        value: what was read.
        revision: rises with every change of the counters; within an epoch, what has a higher one is newer.
        epoch: revisions of different epochs cannot be compared.
    """

    value: T
    revision: int
    epoch: str


def revise(revision: Counter, counters: Iterable[Counter]) -> None:
    """Let a counter of events rise with every change of other counters, in the change's own transaction.

    Call it in ``AppConfig.ready()``. A statement that changes the source of several of them adds 1 to each key once. Of
    a counter with triggers only what a recount corrects is noticed.

    Args:
        revision: a counter without a source, whose keys are those of the counters, or the first part of them.
        counters: the counters that it follows.

    Raises:
        InvalidSettings: the revision counts the rows of a source.
    """
    if revision.declared_source is not None:
        raise InvalidSettings(f"{revision.label} counts {revision.declared_source}: a revision must have no source.")
    recording.revise(revision, counters)


def read(revision: Counter, key: Any, values: Callable[[], T], *, using: str | None = None) -> Revised[T]:
    """Read values together with the revision that they have.

    Where something changes again and again while they are read, the revision is that from before: lower than theirs,
    so that a later one replaces it.

    Args:
        revision: what rises with their changes.
        key: the key of the revision.
        values: reads them.
        using: a database alias, where it is not the revision's own.
    """
    for _ in range(TRIES):
        epoch, number = revision.epoch(key, using=using), int(revision.value(key, using=using))
        found = values()
        if revision.value(key, using=using) == number:
            break
    return Revised(found, number, epoch)


def read_counters(
    revision: Counter,
    counters: Sequence[Counter],
    key: Any,
    *,
    rows: models.QuerySet[Any, Any] | None = None,
    using: str | None = None,
) -> Revised[ReadTogether]:
    """Read several counters together with the revision that they have: by one statement with the database buffer.

    Args:
        revision: what rises with their changes.
        counters: the counters, whose keys are the revision's, or begin with them.
        key: the key of the revision.
        rows: rows that are counted besides; they may be of another moment than the counters.
        using: a database alias, where it is not each counter's own.

    Raises:
        InvalidKey: it cannot be a key of them.
    """
    for _ in range(TRIES):
        found = read_together([revision, *counters], key, rows=rows, using=using)
        number, *values = found.values
        if found.at_one_moment or revision.value(key, using=using) == number:
            break
    return Revised(replace(found, values=values), int(number), found.epoch)


def read_many(
    revision: Counter,
    keys: Sequence[Any],
    values: Callable[[Sequence[Any]], Mapping[Any, T]],
    *,
    using: str | None = None,
) -> dict[Any, Revised[T]]:
    """Read values of many keys together with their revisions, in as few questions as the counters take.

    Args:
        revision: what rises with their changes.
        keys: the keys of the revision.
        values: reads the values of some of them.
        using: a database alias, where it is not the revision's own.
    """
    found: dict[Any, Revised[T]] = {}
    before = _marks(revision, keys, using)
    for _ in range(TRIES):
        read, after = values(list(before)), _marks(revision, list(before), using)
        found |= {key: Revised(read[key], number, epoch) for key, (epoch, number) in before.items()}
        before = {key: mark for key, mark in after.items() if mark != before[key]}
        if not before:
            break
    return found


def _marks(revision: Counter, keys: Sequence[Any], using: str | None) -> dict[Any, tuple[str, int]]:
    epochs, numbers = revision.epochs(keys, using=using), revision.values(keys, using=using)
    return {key: (epochs[key], int(numbers[key])) for key in keys}


def on_change(revision: Counter, receiver: Callable[[set[str], str], None]) -> None:
    """Call something after each commit that has changed any of the counters that a revision follows.

    It is called once for each transaction, in the process that has made the change, when everybody can read the new
    values. What it raises is logged. A process that is killed just after its commit calls nothing; and flushes, which
    change no value, do not either. So it makes things faster, and must not be relied on.

    Args:
        revision: the counter.
        receiver: takes the keys, as text, and the alias of their database. A second call with the same changes nothing.
    """
    changed.connect(revision, receiver)
