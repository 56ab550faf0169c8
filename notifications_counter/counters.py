"""Counters: their declaration, and what is read and changed through it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, cast

from asgiref.sync import sync_to_async

from .applying.direct import add_to_rows
from .applying.result import FlushResult
from .buffers import recording
from .buffers.base import Buffer
from .buffers.recording import buffer_of, store_of
from .buffers.status import Status
from .declaration.counter import CounterDeclaration
from .declaration.registry import declarations, get_declaration
from .flushing.drain import drain
from .flushing.flush import flush
from .ledger.snapshot import RecountResult
from .ledger.store import CounterStore
from .reconciliation.negative import without_negative
from .reconciliation.recount import recount_anew


def counters() -> list[Counter]:
    """All counters of all installed count models, by label."""
    return cast(list[Counter], declarations())


def get_counter(label: str) -> Counter:
    """The counter with a label, ``app.Model.attribute``, of which the attribute may be left out where there is one.

    Raises:
        InvalidSettings: there is none, or more than one.
    """
    return cast(Counter, get_declaration(label))


def short_epoch(epoch: str, key: str) -> str:
    """An epoch as clients are told it: of what a buffer says.

    With the key, so that whoever is told of another user's numbers does not compare them with those before.
    """
    return hashlib.sha256(f"{epoch}/{key}".encode()).hexdigest()[:16]


async def _abuffer_of(store: CounterStore) -> Buffer:
    return buffer_of(store) if store.knows_spelling else await sync_to_async(buffer_of)(store)


class Counter(CounterDeclaration):
    """Declares, as an attribute of a count model, what that model counts.

    Args:
        source: the model whose rows are counted, or its name, ``"app.Model"``. None for a counter of events.
        key: the field of the source that says to which row of the count model a row belongs; a tuple of fields where
            the count model has a ``CompositePrimaryKey`` of as many, in the same order. Keys are given as tuples then.
        filter: the condition under which a row counts; all rows without it. Made of comparisons with a value,
            ``__in`` and ``__isnull`` on the source's own fields, joined by ``&``, ``|`` and ``~``.
        field: the integer field of the count model; may be left out where there is just one.
        sum: a column of the source whose value each row adds to the count, instead of 1: an integer, or a decimal for a
            ``DecimalField`` of the count model with at least as many decimal places. NULL adds 0. A sum must stay
            below 2**63, of a decimal's last place. While deltas of one key that come to 2**53 or more are buffered in
            Redis, whose numbers are exact up to there, reads sum the rows of that key, and flushes recount it.
        using: a database alias; without it the alias on which a change is made.
        buffer: the alias of a buffer in the settings.
        capture: how changes become known: ``"signals"``, Django's own and those of the querysets, or ``"triggers"`` of
            the database, which see raw SQL and other programs too; they need a source and the database buffer.
    """

    @property
    def buffer(self) -> Buffer:
        """The buffer of its pending deltas."""
        return buffer_of(self.store())

    def store(self, using: str | None = None) -> CounterStore:
        """The database's side of this counter, on one alias."""
        return store_of(self, using)

    def value(self, key: Any, *, using: str | None = None) -> Any:
        """The value of a key: its stored count plus its pending deltas, the caller's own transaction included.

        Args:
            key: the key, or the instance whose primary key it is.
            using: a database alias, where it is not the counter's own.

        Returns:
            The count, an integer; of a sum of decimals a ``Decimal``. 0 for a key that was never counted.

        Raises:
            InvalidKey: it cannot be a key of this counter.
        """
        store, text = store_of(self, using), self.keys.text(key)
        found = buffer_of(store).value(store, text)
        if found < 0:
            found = without_negative(store, {text: found})[text]
        return self.amounts.read(found)

    def values(self, keys: Iterable[Any], *, using: str | None = None) -> dict[Any, Any]:
        """The values of many keys.

        Args:
            keys: the keys, in any number.
            using: a database alias, where it is not the counter's own.

        Returns:
            Key as it was given -> count.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
        """
        texts = self._texts(keys)
        store = self.store(using)
        found = buffer_of(store).values(store, list(dict.fromkeys(texts.values())))
        return self._read(texts, without_negative(store, found))

    async def avalue(self, key: Any, *, using: str | None = None) -> Any:
        """As ``value``, for asynchronous callers: where the count is cached in Redis, no thread is needed.

        Args:
            key: the key, or the instance whose primary key it is.
            using: a database alias, where it is not the counter's own.

        Returns:
            The count; 0 for a key that was never counted.

        Raises:
            InvalidKey: it cannot be a key of this counter.
        """
        store, text = self.store(using), self.key_text(key)
        found = await (await _abuffer_of(store)).avalue(store, text)
        if found < 0:
            found = (await sync_to_async(without_negative)(store, {text: found}))[text]
        return self.amounts.read(found)

    async def avalues(self, keys: Iterable[Any], *, using: str | None = None) -> dict[Any, Any]:
        """As ``values``, for asynchronous callers.

        Args:
            keys: the keys, in any number.
            using: a database alias, where it is not the counter's own.

        Returns:
            Key as it was given -> count.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
        """
        texts = self._texts(keys)
        store = self.store(using)
        found: Mapping[str, int] = await (await _abuffer_of(store)).avalues(store, list(dict.fromkeys(texts.values())))
        if min(found.values(), default=0) < 0:
            found = await sync_to_async(without_negative)(store, found)
        return self._read(texts, found)

    def values_of(self, first: Any, *, using: str | None = None) -> dict[Any, int]:
        """All counts under one first part of the key, in one round trip; only of a counter with composite keys.

        Args:
            first: the first part of the keys, or the instance whose primary key it is.
            using: a database alias, where it is not the counter's own.

        Returns:
            The second part of each key, or a tuple of the second and further ones -> count. What has a count of 0 is
            left out.

        Raises:
            InvalidKey: it cannot be the first part of a key, or the counter has no composite keys.
        """
        store = self.store(using)
        found = buffer_of(store).group_values(store, self.keys.group(first))
        return self._rests(without_negative(store, found))

    async def avalues_of(self, first: Any, *, using: str | None = None) -> dict[Any, int]:
        """As ``values_of``, for asynchronous callers.

        Args:
            first: the first part of the keys, or the instance whose primary key it is.
            using: a database alias, where it is not the counter's own.

        Returns:
            The second part of each key, or a tuple of the second and further ones -> count. What has a count of 0 is
            left out.

        Raises:
            InvalidKey: it cannot be the first part of a key, or the counter has no composite keys.
        """
        store = self.store(using)
        found: Mapping[str, int] = await (await _abuffer_of(store)).agroup_values(store, self.keys.group(first))
        if min(found.values(), default=0) < 0:
            found = await sync_to_async(without_negative)(store, found)
        return self._rests(found)

    def _rests(self, found: Mapping[str, int]) -> dict[Any, Any]:
        return self._read({self.keys.rest(text): text for text, value in found.items() if value}, found)

    def _texts(self, keys: Iterable[Any]) -> dict[Any, str]:
        text = self.keys.text
        return {key: text(key) for key in self.keys.several(keys)}

    def _read(self, texts: Mapping[Any, str], found: Mapping[str, int]) -> dict[Any, Any]:
        """What was found, by keys as they were given."""
        convert = self.amounts.from_units
        if convert is None:
            return {key: found[text] for key, text in texts.items()}
        return {key: convert(found[text]) for key, text in texts.items()}

    def epoch(self, key: Any, *, using: str | None = None) -> str:
        """What changes when the value of a key can no longer be compared with an earlier one, of a counter of events.

        It is another one after Redis has lost data, in a database that was restored or copied, and where other settings
        say where deltas are pending. While it is the same, the value of a key to which only positive deltas are added
        never falls. Two keys never have the same.

        Args:
            key: the key, or the instance whose primary key it is.
            using: a database alias, where it is not the counter's own.

        Raises:
            InvalidKey: it cannot be a key of this counter.
        """
        return self.epochs([key], using=using)[key]

    def epochs(self, keys: Iterable[Any], *, using: str | None = None) -> dict[Any, str]:
        """The epochs of several keys, at once; see ``epoch``.

        Args:
            keys: the keys, in any number.
            using: a database alias, where it is not the counter's own.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
        """
        texts = self._texts(keys)
        store = self.store(using)
        found = buffer_of(store).epochs(store, list(dict.fromkeys(texts.values())))
        return {key: short_epoch(found[text], text) for key, text in texts.items()}

    def add(self, deltas: Mapping[Any, int | Decimal], *, using: str | None = None) -> None:
        """Change counts, in the caller's transaction: the change is rolled back with it.

        For a counter of events, and for programs that write a source's rows by raw SQL. A counter with triggers sees
        those by itself: there this changes nothing.

        Args:
            deltas: key -> signed change of its count: an integer; of a sum of decimals a ``Decimal`` too, of no more
                decimal places than the count model's field.
            using: a database alias, where it is not the counter's own.

        Raises:
            InvalidKey: a key cannot be one of this counter.
            InvalidDelta: a delta is not an integer below 2**53; of a sum of decimals, not below 2**53 of the last
                decimal place. Nothing has been changed then.
        """
        recording.add(self, deltas, using)

    def add_to_rows(self, deltas: Mapping[Any, int | Decimal], *, using: str | None = None) -> None:
        """Add to the stored counts themselves, in the caller's transaction, past the buffer; of a counter of events.

        For a consumer that remembers in the same transaction what it has counted: the ids of messages, or its position
        in a log. Counts and memory are committed together or not at all, whatever the buffer is. The rows of the keys
        are locked until the transaction ends: add many keys at once, and keep the transaction short.

        Args:
            deltas: as of ``add``.
            using: a database alias, where it is not the counter's own.

        Raises:
            InvalidKey: a key cannot be one of this counter.
            InvalidDelta: a delta is none. Nothing has been changed then.
            SourceCounted: the counter has a source.
        """
        add_to_rows(self.store(using), recording.sums_of(self, deltas))

    def flush(
        self,
        *,
        using: str | None = None,
        chunk_size: int | None = None,
        stop: Callable[[], bool] | None = None,
        report: Callable[[int, int], None] | None = None,
    ) -> FlushResult:
        """Apply the pending deltas to the count model.

        Args:
            using: a database alias, where it is not the counter's own.
            chunk_size: how many keys one transaction applies; the buffer's ``CHUNK_SIZE`` without it.
            stop: asked between chunks; a true answer ends the flush, and the rest stays pending.
            report: called after each chunk with how many were applied and how many there were at the start.

        Returns:
            What was applied, and what could not be.

        Raises:
            FlushInTransaction: called inside a transaction.
            BufferUnavailable: the buffer's server does not answer. Nothing is lost.
            BufferMismatch: deltas may be pending elsewhere than the settings say.
        """
        return flush(self.store(using), chunk_size=chunk_size, stop=stop, report=report)

    def recount(self, keys: Iterable[Any], *, using: str | None = None, check: bool = False) -> list[RecountResult]:
        """Count the source again for keys, and add what is missing to their counts as one more delta.

        Safe beside writers, flushes and other recounts. Runs in transactions of its own.

        Args:
            keys: the keys, in any number.
            using: a database alias, where it is not the counter's own.
            check: whether to change nothing.

        Returns:
            What was found, and is changed, for each key.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
            NothingToRecount: the counter has no source.
            RecountInTransaction: called inside a transaction.
            BufferUnavailable: the buffer's server does not answer.
        """
        store, texts = self.store(using), list(dict.fromkeys(self.key_text(key) for key in self.keys.several(keys)))
        return recount_anew(store, texts, check=check)

    def request_recount(self, keys: Iterable[Any], using: str | None = None) -> None:
        """Request a recount of keys, in the caller's transaction, because what it changes cannot be determined.

        It is tried right after the commit, else done by the next flush. Until then ``value`` counts the rows.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
            NothingToRecount: the counter has no source.
        """
        recording.request_recount(self, keys, using)

    def status(self, *, using: str | None = None) -> Status:
        """What is pending, and what the last flush did.

        Raises:
            BufferUnavailable: the buffer's server does not answer.
        """
        store = self.store(using)
        return buffer_of(store).status(store)

    def drain(self, *, using: str | None = None) -> None:
        """Flush all that is pending outside the database, so that prefix, shards or buffer can be changed.

        Waits for keys with an intent that is younger than the buffer's ``INTENT_GRACE``.

        Raises:
            CounterError: something is still pending there, because other processes go on writing.
            BufferMismatch: deltas may be pending elsewhere than the settings say.
            BufferUnavailable: the buffer's server does not answer.
            RecountFailed: a key with an intent could not be recounted.
        """
        drain(self.store(using))
