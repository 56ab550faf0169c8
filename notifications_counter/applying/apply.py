"""Applying the pending deltas of one counter: claim, a chunk and its progress in one transaction, acknowledge.

Whatever dies, and wherever: what was not committed is still in the buffer, and the progress row says how much of the
batch was. Every chunk begins by locking the progress row, so that any number of flushers may run, each chunk is
applied once, and two of them cannot deadlock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from ..buffers.base import Claim, ProgressSnapshot
from ..buffers.recording import buffer_of
from ..dialects import Sums
from ..exceptions import InvalidKey
from ..ledger import deltas, progress
from ..ledger.store import CounterStore
from ..ledger.tables import Progress
from . import upsert
from .prefetch import PrefetchedBatch
from .result import FlushResult, Stop
from .retries import retried

logger = logging.getLogger("notifications_counter")

Result = TypeVar("Result")

#: Batches of a shard that one flush applies: what another flush has left, and what is pending then. Under load there
#: would always be a next one.
BATCHES = 2


def apply_all(store: CounterStore) -> None:
    """Apply the pending deltas of a counter, and do nothing else."""
    Applier(store).apply_all()


class Applier:
    """One run over the pending deltas of one counter on one database alias.

    Args:
        store: the counter.
        chunk_size: how many keys one transaction applies; the buffer's ``CHUNK_SIZE`` without it.
        stop: asked between chunks; after a true answer ``Stop`` is raised.
        report: called after each chunk with how many deltas were applied, and with ``total``.

    Attributes:
        total: how many deltas were pending at the start, for the report.
        result: what was done so far.
    """

    def __init__(
        self,
        store: CounterStore,
        chunk_size: int | None = None,
        stop: Callable[[], bool] | None = None,
        report: Callable[[int, int], None] | None = None,
    ) -> None:
        self.store = store
        self.buffer = buffer_of(store.counter)
        self.chunk_size = chunk_size or self.buffer.chunk_size
        self.stop = stop or (lambda: False)
        self.report = report
        self.done = 0
        self.total = 0
        self.amounts = store.counter.amounts
        self.result = FlushResult(store.label, amount=self.amounts.read(0))

    def apply_all(self) -> None:
        """Apply the deltas that are pending in the database, then those of each shard elsewhere."""
        self._apply_database()
        for shard in range(self.buffer.layout.shards):
            self._apply_shard(shard)

    def retried(self, transaction: Callable[..., Result], *arguments: Any) -> Result:
        """Run a transaction, again where its failure may pass; see ``retries.retried``."""
        return retried(self.store.label, self.store.using, transaction, *arguments)

    def next_chunk(self, done: int) -> None:
        """Report what was done, and raise ``Stop`` where that was enough."""
        self.done += done
        if self.report and done:
            self.report(self.done, max(self.total, self.done))
        if self.stop():
            raise Stop

    def last_id(self) -> int:
        """Up to which id to work: a flush that went on with what comes meanwhile would never end under load."""
        return self.retried(deltas.max_id, self.store.using, self.store.label)

    # Pending in the database

    def _apply_database(self) -> None:
        last = self.last_id()
        self.next_chunk(0)
        keys = self._next_keys(None, last)
        while keys:
            self.next_chunk(self.retried(self._apply_rows, keys, last))
            keys = self._next_keys(keys[-1], last)

    def _next_keys(self, after: str | None, last: int) -> list[str]:
        store = self.store
        arguments = store.using, store.label, store.declaration, after, last, self.chunk_size
        return self.retried(deltas.next_keys, *arguments)

    def _apply_rows(self, keys: list[str], last: int) -> int:
        """Apply the rows of keys; the number of rows. Those of an invalid key stay."""
        using, label = self.store.using, self.store.label
        pks = self._pks(keys, f"Its rows in {deltas.TABLE} stay pending: correct or delete them.")
        good = [key for key in keys if key in pks]
        with transaction.atomic(using=using, durable=True):
            # Here, because the cache of a buffer that others have begun to use would not learn of it.
            self.store.check_layout(progress.lock(using, label, 0), self.buffer.layout)
            popped = deltas.pop(using, label, self.store.declaration, good, last) if good else {}
            self.buffer.invalidate(self.store, popped)
            added = [(pks[key], amount) for key, (amount, _) in popped.items()]
            upsert.add(self.store, added)
        self._count(added)
        return sum(number for _, number in popped.values())

    def _pks(self, keys: Sequence[str], advice: str) -> dict[str, Any]:
        """Key -> primary key, as the database takes it; without the invalid ones."""
        plain = self.store.counter.keys.plain_pks(keys)
        return plain or {key: pk for key in keys if (pk := self._pk(key, advice)) is not None}

    def _pk(self, key: str, advice: str) -> Any:
        """The primary key of a key, as the database takes it; None where it is invalid, which is a problem."""
        try:
            return self.store.to_pk(self.store.counter.keys.checked(key))
        except InvalidKey as error:
            self._problem(f"{error} {advice}")
            return None

    # Pending elsewhere

    def _apply_shard(self, shard: int) -> None:
        for _ in range(BATCHES):
            self.next_chunk(0)
            batch = self.retried(self._claim, shard)
            if batch is None:
                return
            with PrefetchedBatch(self.buffer, self.store, shard, batch, self.chunk_size) as chunks:
                while applied := self.retried(self._apply_chunk, shard, chunks):
                    self.next_chunk(applied)
            self.buffer.acknowledge(self.store, shard, batch)

    def _claim(self, shard: int) -> int | None:
        row, claim = self._read_and_claim(shard)
        while claim.lost and self._has_moved(row):
            row, claim = self._read_and_claim(shard)
        if claim.lost:
            self._note_loss(row, claim)
        if claim.run_id != row.run_id:
            progress.save(row, run_id=claim.run_id)
        return claim.batch if claim.size else None

    def _read_and_claim(self, shard: int) -> tuple[Progress, Claim]:
        row = progress.read(self.store.using, self.store.label, shard)
        known = ProgressSnapshot(row.run_id, row.batch, row.position, row.size)
        return row, self.buffer.claim(self.store, shard, known)

    def _has_moved(self, row: Progress) -> bool:
        """Whether another flusher has gone on since the row was read, so that nothing may be missing."""
        now = progress.read(row._state.db or self.store.using, row.counter, row.shard)
        return (now.run_id, now.batch, now.position) != (row.run_id, row.batch, row.position)

    def _note_loss(self, row: Progress, claim: Claim) -> None:
        said = f"(batch {row.batch}, {row.position} of {row.size})"
        sentence = f"{self.store.label}: the server has lost {claim.lost} {said}. {self._consequence(row)}"
        logger.error(sentence)
        self.result.lost.append(sentence)
        if not self.store.events:
            progress.update(self.store.using, self.store.label, {"lost_at": timezone.now(), "recounted_to": None})
        self.buffer.clear_cache(self.store)
        # Of the batch that is gone there is nothing left to apply.
        progress.save(row, size=row.position)
        if not claim.size and claim.batch > row.batch:
            progress.save(row, batch=claim.batch, position=0, size=0)

    def _consequence(self, row: Progress) -> str:
        if self.store.events:
            return (
                f"Events cannot be counted again: those of batch {row.batch} and later ones may not have been counted."
            )
        return "Each flush now recounts a part of all keys; manage.py notification_recount does it at once."

    def _apply_chunk(self, shard: int, chunks: PrefetchedBatch) -> int:
        """Apply the next chunk of a batch; 0 where nothing of it is left to be applied."""
        using, label, batch = self.store.using, self.store.label, chunks.batch
        with transaction.atomic(using=using, durable=True):
            row = progress.lock(using, label, shard)
            if row.batch > batch:
                return 0
            position = row.position if row.batch == batch else 0
            chunk = chunks.at(position)
            if chunk.batch != batch or not chunk.members:
                return 0
            added, bad = self._sorted_out(chunk.members)
            upsert.add(self.store, added)
            self.store.insert_deltas(bad)
            progress.save(row, batch=batch, position=position + len(chunk.members), size=chunk.size)
        self._count(added)
        return len(chunk.members)

    def _sorted_out(self, members: Sequence[tuple[str, str]]) -> tuple[Sums, dict[str, int]]:
        """The sums that can be added, by primary key, and those of invalid keys."""
        amounts = self._amounts(members)
        pks = self._pks(list(amounts), f"Its delta is now pending in {deltas.TABLE}.")
        if pks.keys() == amounts.keys():
            return list(zip(pks.values(), amounts.values(), strict=True)), {}
        good = [(pks[key], amount) for key, amount in amounts.items() if key in pks]
        return good, {key: amount for key, amount in amounts.items() if key not in pks}

    def _amounts(self, members: Sequence[tuple[str, str]]) -> dict[str, int]:
        amounts: dict[str, int] = {}
        for key, score in members:
            try:
                amounts[key] = _integer(score)
            except (ValueError, OverflowError):
                self._problem(f"{self.store.label}: {score!r} is no delta of the key {key!r}; it was left out.")
        return amounts

    # What happened

    def _problem(self, sentence: str) -> None:
        logger.error(sentence)
        self.result.problems.append(sentence)

    def _count(self, added: Sums) -> None:
        self.result.keys += len(added)
        self.result.amount += self.amounts.read(sum(amount for _, amount in added))


def _integer(score: str) -> int:
    """A score as the integer that it is, which Redis writes with an exponent where it is large."""
    number = float(score)
    if not number.is_integer():
        raise ValueError
    return int(number) if "e" in score else int(score)
