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
from ..exceptions import InvalidKey, quoted
from ..ledger import deltas, progress, refused
from ..ledger.store import CounterStore
from ..ledger.tables import Progress
from . import upsert
from .prefetch import PrefetchedBatch
from .result import FlushResult, Stop
from .retries import retried
from .upsert import RefusedRow

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
        self.buffer = buffer_of(store)
        self.chunk_size = chunk_size or self.buffer.chunk_size
        self.stop = stop or (lambda: False)
        self.report = report
        self.done = 0
        self.total = 0
        self.amounts = store.counter.amounts
        self.refused = set[str]()
        self.named = set[str]()
        #: How many of the next members of a batch are known to have a refused one among them, and how many were tried.
        self.suspects = self.tried = 0
        self.result = FlushResult(store.label, amount=self.amounts.read(0))

    def apply_all(self) -> None:
        """Apply the deltas that are pending in the database, then those of each shard elsewhere."""
        self.refused = self.retried(refused.keys, self.store.using, self.store.label)
        self._apply_database()
        for shard in range(self.buffer.layout.shards):
            self._apply_shard(shard)
        if self.refused:
            self._try_refused()

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
            self.next_chunk(self._apply_keys([key for key in keys if key not in self.refused], last))
            keys = self._next_keys(keys[-1], last)

    def _apply_keys(self, keys: list[str], last: int) -> int:
        """Apply the rows of keys; where the count model's table refuses one, all others all the same."""
        try:
            return self.retried(self._apply_rows, keys, last) if keys else 0
        except RefusedRow as error:
            if len(keys) == 1:
                self._set_aside(keys[0], str(error))
                return 0
        half = len(keys) // 2
        return self._apply_keys(keys[:half], last) + self._apply_keys(keys[half:], last)

    def _set_aside(self, key: str, reason: str) -> None:
        self.retried(refused.note, self.store.using, self.store.label, key, reason)
        self._name_refused(key, reason)

    def _name_refused(self, key: str, reason: str) -> None:
        self.refused.add(key)
        self.named.add(key)
        self._problem(
            f"{self.store.label}: the key {quoted(key)} was set aside, because the table of its counts refuses it:"
            f" {reason[:200]}. Its deltas stay pending in {deltas.TABLE}, and later flushes try them again."
        )

    def _try_refused(self) -> None:
        """Each by itself, a few at a time; what is refused again has its next turn in a later flush."""
        using, label, last = self.store.using, self.store.label, self.last_id()
        for key in self.retried(refused.due, using, label):
            self.next_chunk(self._apply_keys([key], last))
            if key not in self.named:
                self.retried(refused.forget, using, label, key)
                self.refused.discard(key)

    def name_left(self) -> None:
        """Name the keys that are set aside still, and were not tried now."""
        if left := sorted(self.refused - self.named):
            some = ", ".join(map(quoted, left[:5])) + (", ..." if len(left) > 5 else "")
            said = f"{self.store.label}: still set aside, because the table of the counts refuses them: {some}."
            self.result.problems.append(said)

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

    def valid(self, keys: set[str]) -> set[str]:
        """Those of the keys of recount requests that can be keys: no others could ever be recounted."""
        return {key for key in keys if self._pk(key, "Its recount request was left out.") is not None}

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
                self.suspects = 0
                while applied := self._apply_next(shard, chunks):
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

    def _apply_next(self, shard: int, chunks: PrefetchedBatch) -> int:
        """Apply the next chunk; where the table refuses it, a half, until the key that is to blame stands alone."""
        while True:
            length = max(1, self.suspects // 2) if self.suspects else self.chunk_size
            try:
                applied = self.retried(self._apply_chunk, shard, chunks, length)
            except RefusedRow as error:
                if self.tried == 1:
                    self.suspects = 0
                    return self.retried(self._apply_chunk, shard, chunks, 1, str(error))
                self.suspects = self.tried
            else:
                self.suspects = max(0, self.suspects - applied)
                return applied

    def _apply_chunk(self, shard: int, chunks: PrefetchedBatch, length: int, refusal: str = "") -> int:
        """Apply the next members of a batch; 0 where nothing of it is left to be applied.

        Args:
            shard: of which the batch is.
            chunks: the batch.
            length: how many of them.
            refusal: why the table refuses the one next member, whose delta becomes a row in the database.
        """
        using, label, batch = self.store.using, self.store.label, chunks.batch
        with transaction.atomic(using=using, durable=True):
            row = progress.lock(using, label, shard)
            if row.batch > batch:
                return 0
            position = row.position if row.batch == batch else 0
            chunk = chunks.at(position)
            if chunk.batch != batch or not chunk.members:
                return 0
            members = chunk.members[:length]
            self.tried = len(members)
            added, bad = ([], self._amounts(members)) if refusal else self._sorted_out(members)
            upsert.add(self.store, added)
            self.store.insert_deltas(bad)
            for key in bad if refusal else ():
                refused.note(using, label, key, refusal)
            progress.save(row, batch=batch, position=position + len(members), size=chunk.size)
        self._count(added)
        for key in bad if refusal else ():
            self._name_refused(key, refusal)
        return len(members)

    def _sorted_out(self, members: Sequence[tuple[str, str]]) -> tuple[Sums, dict[str, int]]:
        """The sums that can be added, by primary key, and those of keys that are invalid or set aside."""
        amounts = self._amounts(members)
        keys = [key for key in amounts if key not in self.refused]
        pks = self._pks(keys, f"Its delta is now pending in {deltas.TABLE}.")
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
                self._problem(
                    f"{self.store.label}: {quoted(score)} is no delta of the key {quoted(key)}; it was left out."
                )
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
