"""The first subscriber of the feed: what changed rows mean for the counters of their source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..buffers import recording
from ..declaration.counter import CounterDeclaration as Counter
from .sources import Row, Source

#: Counter -> key -> delta, in units.
Changes = dict[Counter, dict[str, Any]]


def count(source: Source, using: str, before: Iterable[Row], after: Iterable[Row]) -> None:
    """Record the deltas of rows, in the transaction that is open."""
    record(_changes(source, using, before, after), using)


def record(changes: Changes, using: str) -> None:
    """Record deltas, in the transaction that is open."""
    if changes:
        recording.record_together(changes, using)


def expect(source: Source, using: str, row: Row) -> Changes | None:
    """A new row will most likely be counted, in a transaction of its own.

    Returns:
        The deltas; None where no buffer needs to know of them before.
    """
    if not any(map(recording.is_told_ahead, source.counters)):
        return None
    if changes := _changes(source, using, (), (row,)):
        recording.expect(changes, using)
    return changes


def _changes(source: Source, using: str, before: Iterable[Row], after: Iterable[Row]) -> Changes:
    sums: Changes = {}
    for row, number in _tally(before, after):
        if number:
            for counter, key, amount in source.contributions(row, using):
                deltas = sums.setdefault(counter, {})
                deltas[key] = deltas.get(key, 0) + number * amount
    return {counter: changes for counter, deltas in sums.items() if (changes := _without_zeros(deltas))}


def _without_zeros(deltas: dict[str, Any]) -> dict[str, Any]:
    return deltas if all(deltas.values()) else {key: amount for key, amount in deltas.items() if amount}


def _tally(before: Iterable[Row], after: Iterable[Row]) -> Iterable[tuple[Row, int]]:
    """How many more, or fewer, of each row there are now."""
    signed = [*[(row, 1) for row in after], *[(row, -1) for row in before]]
    if len(signed) == 1:
        return signed
    tally: dict[Row, int] = {}
    try:
        for row, sign in signed:
            tally[row] = tally.get(row, 0) + sign
    except TypeError:  # a list or a dictionary, as columns of JSON and arrays hold them, has no hash
        return signed
    return tally.items()


def request_recounts(
    source: Source, using: str, rows: Iterable[Row | None], keys: Mapping[Counter, set[str]] | None = None
) -> None:
    """Request a recount of all keys under which rows count or counted: by how much cannot be determined.

    Args:
        source: whose rows they are.
        using: the database alias.
        rows: the rows; None for no row.
        keys: counter -> further keys.
    """
    together = {counter: set(found) for counter, found in (keys or {}).items()}
    for row in rows:
        for counter, key, _ in source.contributions(row, using) if row is not None else ():
            together.setdefault(counter, set()).add(key)
    for counter, found in together.items():
        if counter.using in (None, using):
            recording.request_recount_of_texts(counter, sorted(found), using)
