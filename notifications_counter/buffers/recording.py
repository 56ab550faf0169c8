"""The one door through which a change enters a buffer, and the way from a counter to its buffer and its store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import router

from ..declaration.counter import CounterDeclaration
from ..declaration.problems import refuse_unusable
from ..ledger.progress import Layout
from ..ledger.store import CounterStore
from .base import Buffer
from .handler import buffers

_stores: dict[tuple[CounterDeclaration, str], CounterStore] = {}


def buffer_of(counter: CounterDeclaration) -> Buffer:
    """The buffer of a counter."""
    return buffers[counter.buffer_alias]


def store_of(counter: CounterDeclaration, using: str | None = None) -> CounterStore:
    """The database's side of a counter, on one alias.

    Raises:
        InvalidSettings: the counter is declared in a way that cannot be understood.
    """
    alias = using or counter.using or router.db_for_write(counter.model)
    return _stores.get((counter, alias)) or _make_store(counter, alias)


def _make_store(counter: CounterDeclaration, alias: str) -> CounterStore:
    refuse_unusable(counter)
    # One for all threads: the deltas of open transactions are kept by it.
    return _stores.setdefault((counter, alias), CounterStore(counter, alias, partial(_new_layout, counter)))


def _new_layout(counter: CounterDeclaration) -> Layout:
    return buffer_of(counter).new_layout


def add(counter: CounterDeclaration, deltas: Mapping[Any, int | Decimal], using: str | None = None) -> None:
    """Change counts, in the caller's transaction; see ``Counter.add``."""
    sums: dict[str, int] = {}
    for key, amount in deltas.items():
        units, text = counter.amounts.delta(amount, key), counter.key_text(key)
        sums[text] = sums.get(text, 0) + units
    if counter.capture != "triggers":
        record(counter, {key: amount for key, amount in sums.items() if amount}, using)


def record(counter: CounterDeclaration, sums: Mapping[str, int], using: str | None = None) -> None:
    """Hand sums to the buffer, in units, that are known to be right, by keys already in text; with triggers, too."""
    if sums:
        buffer_of(counter).add(store_of(counter, using), sums)


def request_recount(counter: CounterDeclaration, keys: Iterable[Any], using: str | None = None) -> None:
    """Request a recount of keys, in the caller's transaction; see ``Counter.request_recount``."""
    request_recount_of_texts(counter, list(dict.fromkeys(counter.key_text(key) for key in keys)), using)


def request_recount_of_texts(counter: CounterDeclaration, keys: Sequence[str], using: str | None = None) -> None:
    """The same for keys already in text, each once."""
    store = store_of(counter, using)
    store.refuse_events()
    buffer_of(counter).request_recount(store, keys)
