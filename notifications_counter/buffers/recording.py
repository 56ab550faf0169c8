"""The one door through which a change enters a buffer, and the way from a counter to its buffer and its store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, cast

from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper

from ..declaration.counter import CounterDeclaration
from ..declaration.problems import refuse_unusable
from ..exceptions import InvalidDelta, quoted
from ..ledger.progress import Layout
from ..ledger.store import CounterStore
from . import changed, expected
from .base import Buffer
from .handler import buffers

_stores: dict[tuple[CounterDeclaration, str], CounterStore] = {}

#: Counter -> the counters of events that rise with each of its changes.
_revisions: dict[CounterDeclaration, list[CounterDeclaration]] = {}


def configured_buffer(counter: CounterDeclaration) -> Buffer:
    """The buffer that a counter asks for."""
    return buffers[counter.buffer_alias]


def buffer_of(store: CounterStore) -> Buffer:
    """The buffer of a counter: in the database where another could not tell that keys are written differently."""
    alias = store.counter.buffer_alias
    buffer = buffers[alias]
    if not store.counter.keys.may_be_loose or buffer.compares_as_columns or not store.is_loose:
        return buffer
    return buffers.in_database(alias)


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
    return _stores.setdefault((counter, alias), CounterStore(counter, alias, partial(_new_layout, counter, alias)))


def _new_layout(counter: CounterDeclaration, alias: str) -> Layout:
    return buffer_of(store_of(counter, alias)).new_layout


def add(counter: CounterDeclaration, deltas: Mapping[Any, int | Decimal], using: str | None = None) -> None:
    """Change counts, in the caller's transaction; see ``Counter.add``."""
    add_together({counter: deltas}, using)


def add_together(changes: Mapping[CounterDeclaration, Mapping[Any, int | Decimal]], using: str | None = None) -> None:
    """Change counts of several counters, in the caller's transaction; see ``together.add_together``."""
    sums = {counter: sums_of(counter, deltas) for counter, deltas in changes.items()}
    counted = {counter: found for counter, found in sums.items() if found and counter.capture != "triggers"}
    if counted:
        record_together(counted, using)


def sums_of(counter: CounterDeclaration, deltas: Mapping[Any, int | Decimal]) -> dict[str, int]:
    """Deltas by key, as text, in units, without those that come to nothing.

    Raises:
        InvalidKey: a key cannot be one of the counter.
        InvalidDelta: a delta is none, or they are no dictionary.
    """
    if not isinstance(deltas, Mapping):
        raise InvalidDelta(f"Deltas are given as a dictionary, key -> change of its count, not as {quoted(deltas)}.")
    sums: dict[str, int] = {}
    for key, amount in deltas.items():
        units, text = counter.amounts.delta(amount, key), counter.key_text(key)
        sums[text] = sums.get(text, 0) + units
    return {key: amount for key, amount in sums.items() if amount}


def record(counter: CounterDeclaration, sums: Mapping[str, int], using: str | None = None) -> None:
    """Hand sums to the buffer, in units, that are known to be right, by keys already in text; with triggers, too."""
    if sums:
        record_together({counter: sums}, using)


def record_together(changes: Mapping[CounterDeclaration, Mapping[str, int | None]], using: str | None = None) -> None:
    """Hand the sums of several counters to their buffers, each of which takes all of its own at once.

    Args:
        changes: counter -> key -> sum, in units; None requests a recount of the key.
        using: the database alias.
    """
    together: dict[Buffer, list[tuple[CounterStore, Mapping[str, int | None]]]] = {}
    for counter, sums in _with_revisions(changes).items():
        store = store_of(counter, using)
        together.setdefault(buffer_of(store), []).append((store, sums))
    for buffer, part in together.items():
        if len(part) == 1:
            buffer.add(*part[0])
        else:
            buffer.add_together(part)
        for store, sums in part:
            changed.note(store.counter, sums, store.using)


def expect(changes: Mapping[CounterDeclaration, Mapping[str, int]], using: str) -> None:
    """A save that is a transaction by itself will most likely record these sums; ``end_expectation`` must follow.

    Args:
        changes: counter -> key -> sum, in units.
        using: the database alias.
    """
    together: dict[Buffer, list[tuple[CounterStore, list[str]]]] = {}
    for counter, sums in _with_revisions(changes).items():
        store = store_of(counter, using)
        buffer = buffer_of(store)
        if buffer.intent_grace is not None:
            together.setdefault(buffer, []).append((store, list(sums)))
    for buffer, part in together.items():
        buffer.expect(part)


def is_told_ahead(counter: CounterDeclaration) -> bool:
    """Whether the buffer of a counter hears of deltas before the commit."""
    return configured_buffer(counter).intent_grace is not None


def end_expectation(connection: BaseDatabaseWrapper) -> None:
    """The save has ended."""
    expected.end(connection)


def revise(revision: CounterDeclaration, counters: Iterable[CounterDeclaration]) -> None:
    """Let a counter of events rise with each change of others; see ``revisions.revise``."""
    for counter in counters:
        followers = _revisions.setdefault(counter, [])
        if revision not in followers:
            followers.append(revision)


def corrected(counter: CounterDeclaration, keys: Iterable[str], using: str | None = None) -> None:
    """The values of keys are other ones, though no delta of them was recorded: their revisions rise."""
    if keys and (revisions := _with_revisions({counter: dict.fromkeys(keys)})):
        for revision, sums in revisions.items():
            if revision is not counter:
                record(revision, cast(Mapping[str, int], sums), using)


def note_change(store: CounterStore, keys: Iterable[str]) -> None:
    """Stored counts have been changed in the open transaction, without a delta: tell whoever follows the counter."""
    corrected(store.counter, keys, store.using)
    changed.note(store.counter, keys, store.using)


def _with_revisions(
    changes: Mapping[CounterDeclaration, Mapping[str, int | None]],
) -> Mapping[CounterDeclaration, Mapping[str, int | None]]:
    revised: dict[CounterDeclaration, Mapping[str, int | None]] = {}
    for counter, sums in changes.items() if _revisions else ():
        for revision in _revisions.get(counter, ()):
            firsts = dict.fromkeys((counter.keys.split(key)[0] for key in sums), 1)
            revised[revision] = {**revised.get(revision, {}), **firsts}
    return {**changes, **revised} if revised else changes


def request_recount(counter: CounterDeclaration, keys: Iterable[Any], using: str | None = None) -> None:
    """Request a recount of keys, in the caller's transaction; see ``Counter.request_recount``."""
    request_recount_of_texts(
        counter, list(dict.fromkeys(counter.key_text(key) for key in counter.keys.several(keys))), using
    )


def request_recount_of_texts(counter: CounterDeclaration, keys: Sequence[str], using: str | None = None) -> None:
    """The same for keys already in text, each once."""
    store = store_of(counter, using)
    store.refuse_events()
    buffer_of(store).request_recount(store, keys)
    corrected(counter, keys, using)
