"""Several counters at once: changed together, and what they have of one owner, by one statement each where the database
holds all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from django.db import models

from .buffers import recording
from .buffers.base import Together
from .buffers.recording import buffer_of
from .counters import Counter, short_epoch
from .declaration.counter import CounterDeclaration
from .ledger.store import CounterStore
from .ledger.together import Wanted
from .reconciliation.negative import without_negative


@dataclass(frozen=True)
class ReadTogether:
    """What was read.

    Attributes:
        values: of each counter what ``value`` returns; where its keys are composite, what ``values_of`` returns.
        epoch: of the first of them; see ``Counter.epoch``.
        rows: how many further rows were counted; None where none were to be.
        at_one_moment: whether nothing can have changed between them.
    """

    values: list[Any]
    epoch: str
    rows: int | None
    at_one_moment: bool


def add_together(changes: Mapping[Counter, Mapping[Any, int | Decimal]], *, using: str | None = None) -> None:
    """Change the counts of several counters, in the caller's transaction; the database buffer by one statement.

    Args:
        changes: counter -> key -> signed change of its count; see ``Counter.add``.
        using: a database alias, where it is not each counter's own.

    Raises:
        InvalidKey: a key cannot be one of its counter.
        InvalidDelta: a delta is not an integer below 2**53; see ``Counter.add``. Nothing has been changed then.
    """
    recording.add_together(cast(Mapping[CounterDeclaration, Any], changes), using)


def read_together(
    counters: Sequence[Counter], key: Any, *, rows: models.QuerySet[Any, Any] | None = None, using: str | None = None
) -> ReadTogether:
    """Read what several counters have of one owner.

    Args:
        counters: the first is a counter of events; the keys of all of them are the owner, or begin with it.
        key: the owner: the key, or the first part of the keys.
        rows: rows on the same alias that are to be counted besides, by the same statement where there is one.
        using: a database alias, where it is not each counter's own.

    Raises:
        InvalidKey: it can be no key, or no first part of one.
    """
    stores = [counter.store(using) for counter in counters]
    wanted = [
        (store, counter.keys.group(key) if store.has_groups else counter.key_text(key))
        for counter, store in zip(counters, stores, strict=True)
    ]
    found = _read(wanted, rows)
    values = [_converted(*one) for one in zip(counters, wanted, found.values, strict=True)]
    return ReadTogether(values, short_epoch(found.epoch, wanted[0][1]), found.rows, found.at_one_moment)


def _read(wanted: Wanted, rows: models.QuerySet[Any, Any] | None) -> Together:
    buffers = [buffer_of(store) for store, _ in wanted]
    if len(set(buffers)) == 1 and len({store.using for store, _ in wanted}) == 1:
        return buffers[0].values_together(wanted, rows)
    epoch = buffers[0].epoch_of(*wanted[0])
    each = [buffer.values_together([one], None).values[0] for buffer, one in zip(buffers, wanted, strict=True)]
    return Together(each, epoch, None if rows is None else rows.count(), at_one_moment=False)


def _converted(counter: Counter, wanted: tuple[CounterStore, str], found: Mapping[str, int]) -> Any:
    store, key = wanted
    found, read = without_negative(store, found), counter.amounts.read
    if store.has_groups:
        return {counter.keys.rest(text): read(value) for text, value in found.items() if value}
    return read(found[key])
