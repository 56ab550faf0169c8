"""Applying what is buffered of one counter: claim, a chunk and its progress in one transaction, acknowledge.

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
from ..exceptions import InvalidKey
from ..ledger import deltas as waiting
from ..ledger import progress
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


def apply_all(stored: CounterStore) -> None:
    """Apply what is buffered, and no more than that."""
    Applier(stored).apply_all()


class Applier:
    """One run over what is buffered of one counter on one database alias.

    Args:
        stored: the counter.
        chunk: how many keys one transaction applies; the buffer's ``CHUNK_SIZE`` without it.
        stop: asked between chunks; after a true answer ``Stop`` is raised.
        report: called after each chunk with how many deltas were applied, and with ``total``.

    Attributes:
        total: how many there were at the start, for the report.
        flushed: what was done so far.
    """

    def __init__(
        self,
        stored: CounterStore,
        chunk: int | None = None,
        stop: Callable[[], bool] | None = None,
        report: Callable[[int, int], None] | None = None,
    ) -> None:
        self.stored = stored
        self.buffer = buffer_of(stored.counter)
        self.chunk = chunk or self.buffer.chunk
        self.stop = stop or (lambda: False)
        self.report = report
        self.done = 0
        self.total = 0
        self.flushed = FlushResult(stored.label)

    def apply_all(self) -> None:
        self._flush_rows()
        for shard in range(self.buffer.layout.shards):
            self._flush_shard(shard)

    def retried(self, transaction: Callable[..., Result], *arguments: Any) -> Result:
        return retried(self.stored.label, self.stored.using, transaction, *arguments)

    def next_chunk(self, done: int) -> None:
        self.done += done
        if self.report and done:
            self.report(self.done, max(self.total, self.done))
        if self.stop():
            raise Stop

    def newest(self) -> int:
        """What waits by now: a flush that went on with what comes meanwhile would never end under load."""
        return self.retried(waiting.newest, self.stored.using, self.stored.label)

    # Deltas that wait in the database

    def _flush_rows(self) -> None:
        newest = self.newest()
        self.next_chunk(0)
        keys = self._next_keys(None, newest)
        while keys:
            self.next_chunk(self.retried(self._apply_rows, keys, newest))
            keys = self._next_keys(keys[-1], newest)

    def _next_keys(self, after: str | None, newest: int) -> list[str]:
        arguments = self.stored.using, self.stored.label, after, newest, self.chunk
        return self.retried(waiting.next_keys, *arguments)

    def _apply_rows(self, keys: list[str], newest: int) -> int:
        """Apply what waits of keys; the number of rows. Those of a key that can be none wait on."""
        using, label = self.stored.using, self.stored.label
        pks = self._pks(keys, f"Its rows in {waiting.TABLE} wait on: correct or delete them.")
        good = [key for key in keys if key in pks]
        with transaction.atomic(using=using, durable=True):
            # Here, because nobody else would tell the caches of a buffer that others have begun to use.
            self.stored.check_layout(progress.lock(using, label, 0), self.buffer.layout)
            taken = deltas.pop(using, label, good, newest) if good else {}
            self.buffer.invalidate(self.stored, taken)
            added = [(pks[key], amount) for key, (amount, _) in taken.items()]
            upsert.add(self.stored, added)
        self._count(added)
        return sum(number for _, number in taken.values())

    def _pks(self, keys: Sequence[str], advice: str) -> dict[str, Any]:
        """The primary keys of keys, as the database takes them; without those that can be none."""
        plain = self.stored.counter.keys.plain_pks(keys)
        return plain or {key: pk for key in keys if (pk := self._pk(key, advice)) is not None}

    def _pk(self, key: str, advice: str) -> Any:
        """The primary key of a key, as the database takes it; None where it can be none, and that is said."""
        try:
            return self.stored.to_pk(self.stored.counter.keys.checked(key))
        except InvalidKey as error:
            self._problem(f"{error} {advice}")
            return None

    # Deltas that wait elsewhere

    def _flush_shard(self, shard: int) -> None:
        for _ in range(BATCHES):
            self.next_chunk(0)
            batch = self.retried(self._claim, shard)
            if batch is None:
                return
            with PrefetchedBatch(self.buffer, self.stored, shard, batch, self.chunk) as in_parts:
                while applied := self.retried(self._apply_chunk, shard, in_parts):
                    self.next_chunk(applied)
            self.buffer.acknowledge(self.stored, shard, batch)

    def _claim(self, shard: int) -> int | None:
        row, claim = self._look_and_claim(shard)
        while claim.lost and self._has_moved(row):
            row, claim = self._look_and_claim(shard)
        if claim.lost:
            self._note_loss(row, claim)
        if claim.run_id != row.run_id:
            progress.save(row, run_id=claim.run_id)
        return claim.batch if claim.size else None

    def _look_and_claim(self, shard: int) -> tuple[Progress, Claim]:
        row = progress.read(self.stored.using, self.stored.label, shard)
        return row, self.buffer.claim(self.stored, shard, ProgressSnapshot(row.run_id, row.batch, row.position, row.size))

    def _has_moved(self, row: Progress) -> bool:
        """Whether another flusher has gone on since the row was read, so that nothing may be missing."""
        now = progress.read(row._state.db or self.stored.using, row.counter, row.shard)
        return (now.run_id, now.batch, now.position) != (row.run_id, row.batch, row.position)

    def _note_loss(self, row: Progress, claim: Claim) -> None:
        said = f"(batch {row.batch}, {row.position} of {row.size})"
        sentence = f"{self.stored.label}: the server has lost {claim.lost} {said}. {self._consequence(row)}"
        logger.error(sentence)
        self.flushed.lost.append(sentence)
        if not self.stored.events:
            progress.update(self.stored.using, self.stored.label, {"lost_at": timezone.now(), "recounted_to": None})
        self.buffer.clear_cache(self.stored)
        # Of the batch that is gone there is nothing left to apply.
        progress.save(row, size=row.position)
        if not claim.size and claim.batch > row.batch:
            progress.save(row, batch=claim.batch, position=0, size=0)

    def _consequence(self, row: Progress) -> str:
        if self.stored.events:
            return (
                f"Events cannot be counted again: those of batch {row.batch} and later ones may not have been counted."
            )
        return "Each flush now recounts a part of all keys; manage.py notification_recount does it at once."

    def _apply_chunk(self, shard: int, in_parts: PrefetchedBatch) -> int:
        """Apply the next part of a batch; 0 where nothing of it is left to be applied."""
        using, label, batch = self.stored.using, self.stored.label, in_parts.batch
        with transaction.atomic(using=using, durable=True):
            row = progress.lock(using, label, shard)
            if row.batch > batch:
                return 0
            position = row.position if row.batch == batch else 0
            part = in_parts.at(position)
            if part.batch != batch or not part.members:
                return 0
            added, bad = self._sorted_out(part.members)
            upsert.add(self.stored, added)
            self.stored.insert_deltas(bad)
            progress.save(row, batch=batch, position=position + len(part.members), size=part.size)
        self._count(added)
        return len(part.members)

    def _sorted_out(self, members: Sequence[tuple[str, str]]) -> tuple[upsert.Rows, dict[str, int]]:
        """What can be added, by primary key, and the sums that cannot but can be kept."""
        amounts = self._amounts(members)
        pks = self._pks(list(amounts), f"Its delta now waits in {waiting.TABLE}.")
        if pks.keys() == amounts.keys():
            return list(zip(pks.values(), amounts.values(), strict=True)), {}
        good = [(pks[key], amount) for key, amount in amounts.items() if key in pks]
        return good, {key: amount for key, amount in amounts.items() if key not in pks}

    def _amounts(self, members: Sequence[tuple[str, str]]) -> dict[str, int]:
        amounts: dict[str, int] = {}
        for key, score in members:
            try:
                amounts[key] = int(score)
            except ValueError:
                self._problem(f"{self.stored.label}: {score!r} is no delta of the key {key!r}; it was left out.")
        return amounts

    # What happened

    def _problem(self, sentence: str) -> None:
        logger.error(sentence)
        self.flushed.problems.append(sentence)

    def _count(self, added: upsert.Rows) -> None:
        self.flushed.keys += len(added)
        self.flushed.amount += sum(amount for _, amount in added)
