"""Counters: their declaration, and what is read and changed through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from .applying.result import FlushResult
from .buffers import recording
from .buffers.base import Buffer
from .buffers.recording import buffer_of, store_of
from .buffers.status import Status
from .declaration.counter import CounterDeclaration
from .declaration.registry import declarations, get_declaration
from .flushing.drain import drain
from .flushing.flush import flush
from .ledger.store import CounterStore
from .reconciliation.recount import RecountResult, recount


def counters() -> list[Counter]:
    """All counters of all installed count models, by label."""
    return cast(list[Counter], declarations())


def get_counter(label: str) -> Counter:
    """The counter with a label, ``app.Model.attribute``, of which the attribute may be left out where there is one.

    Raises:
        InvalidSettings: there is none, or more than one.
    """
    return cast(Counter, get_declaration(label))


class Counter(CounterDeclaration):
    """Declares, as an attribute of a count model, what that model counts.

    Args:
        source: the model whose rows are counted, or its name, ``"app.Model"``. None for a counter of events.
        key: the field of the source that says to which row of the count model a row belongs; a tuple of fields where
            the count model has a ``CompositePrimaryKey`` of as many, in the same order. Keys are given as tuples then.
        where: the condition under which a row counts; all rows where it is left out. Made of comparisons with a value,
            ``__in`` and ``__isnull`` on the source's own fields, joined by ``&``, ``|`` and ``~``.
        field: the integer field of the count model; may be left out where there is just one.
        using: a database alias; without it the alias on which a change is made.
        buffer: the alias of a buffer in the settings.
        capture: how changes become known: ``"signals"``, Django's own and those of the querysets, or ``"triggers"`` of
            the database, which see raw SQL and other programs too; they need a source and the database buffer.
    """

    @property
    def buffer(self) -> Buffer:
        """Where its deltas wait."""
        return buffer_of(self)

    def stored(self, using: str | None = None) -> CounterStore:
        """The database's side of this counter, on one alias."""
        return store_of(self, using)

    def value(self, key: Any, *, using: str | None = None) -> int:
        """The count of a key: what is stored and all that is buffered, the caller's own transaction included.

        Args:
            key: the key, or the instance whose primary key it is.
            using: a database alias, where it is not the counter's own.

        Returns:
            The count; 0 for a key that was never counted.

        Raises:
            InvalidKey: it cannot be a key of this counter.
        """
        return self.buffer.value(self.stored(using), self.key_text(key))

    def values(self, keys: Iterable[Any], *, using: str | None = None) -> dict[Any, int]:
        """The counts of many keys.

        Args:
            keys: the keys, in any number.
            using: a database alias, where it is not the counter's own.

        Returns:
            Key as it was given -> count.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
        """
        texts = self._texts(keys)
        found = self.buffer.values(self.stored(using), list(dict.fromkeys(texts.values())))
        return {key: found[text] for key, text in texts.items()}

    async def avalue(self, key: Any, *, using: str | None = None) -> int:
        """As ``value``, for asynchronous callers: where the count is cached in Redis, no thread is needed.

        Args:
            key: the key, or the instance whose primary key it is.
            using: a database alias, where it is not the counter's own.

        Returns:
            The count; 0 for a key that was never counted.

        Raises:
            InvalidKey: it cannot be a key of this counter.
        """
        return await self.buffer.avalue(self.stored(using), self.key_text(key))

    async def avalues(self, keys: Iterable[Any], *, using: str | None = None) -> dict[Any, int]:
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
        found = await self.buffer.avalues(self.stored(using), list(dict.fromkeys(texts.values())))
        return {key: found[text] for key, text in texts.items()}

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
        return self._rests(self.buffer.group_values(self.stored(using), self.keys.group(first)))

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
        return self._rests(await self.buffer.agroup_values(self.stored(using), self.keys.group(first)))

    def _rests(self, values: Mapping[str, int]) -> dict[Any, int]:
        return {self.keys.rest(text): value for text, value in values.items() if value}

    def _texts(self, keys: Iterable[Any]) -> dict[Any, str]:
        text = self.keys.text
        return {key: text(key) for key in keys}

    def add(self, deltas: Mapping[Any, int], *, using: str | None = None) -> None:
        """Change counts, in the caller's transaction: a rollback takes the change along.

        For a counter of events, and for programs that write a source's rows behind Django's back. With triggers nothing
        is behind the counter's back, and this changes nothing.

        Args:
            deltas: key -> signed change of its count.
            using: a database alias, where it is not the counter's own.

        Raises:
            InvalidKey: a key cannot be one of this counter.
            InvalidDelta: a delta is not an integer below 2**53.
        """
        recording.add(self, deltas, using)

    def flush(
        self,
        *,
        using: str | None = None,
        chunk: int | None = None,
        stop: Callable[[], bool] | None = None,
        report: Callable[[int, int], None] | None = None,
    ) -> FlushResult:
        """Apply what is buffered to the count model.

        Args:
            using: a database alias, where it is not the counter's own.
            chunk: how many keys one transaction applies; the buffer's ``CHUNK_SIZE`` without it.
            stop: asked between chunks; a true answer ends the flush, and the rest stays buffered.
            report: called after each chunk with how many were applied and how many there were at the start.

        Returns:
            What was applied, and what could not be.

        Raises:
            FlushInTransaction: called inside a transaction.
            BufferUnavailable: the buffer's server does not answer. Nothing is lost.
            BufferMismatch: the settings place the deltas elsewhere than those that wait.
        """
        return flush(self.stored(using), chunk_size=chunk, stop=stop, report=report)

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
        return recount(self.stored(using), list(dict.fromkeys(self.key_text(key) for key in keys)), check=check)

    def request_recount(self, keys: Iterable[Any], using: str | None = None) -> None:
        """Ask for a recount of keys, in the caller's transaction, because what it does cannot be known exactly.

        It is tried at once after the commit, else done by the next flush. Until then ``value`` counts the rows.

        Raises:
            InvalidKey: one of them cannot be a key of this counter.
            NothingToRecount: the counter has no source.
        """
        recording.request_recount(self, keys, using)

    def status(self, *, using: str | None = None) -> Status:
        """What is buffered, and what the last flush did.

        Raises:
            BufferUnavailable: the buffer's server does not answer.
        """
        return self.buffer.status(self.stored(using))

    def drain(self, *, using: str | None = None) -> None:
        """Flush all that waits outside the database, and let other prefixes, numbers of shards or buffers be used.

        Keys of which an intent is younger than the buffer's ``INTENT_GRACE`` are waited for.

        Raises:
            CounterError: something is still pending there, because somebody goes on writing.
            BufferUnavailable: the buffer's server does not answer.
            RecountFailed: a key with an intent could not be recounted.
        """
        drain(self.stored(using))
