"""The flush: claim, apply a chunk and the progress in one transaction, acknowledge.

Whatever dies, and wherever: what was not committed is still in the buffer, and the progress row says how much of the
batch was. Every chunk begins by locking the progress row, so that any number of flushers may run, each chunk is
applied once, and two of them cannot deadlock.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from . import audit, progress, upsert, waiting
from .buffers.base import Buffer, Claim, Known
from .exceptions import FlushInTransaction, InvalidKey, RecountFailed
from .models import Progress
from .read_ahead import Slices
from .recount import recount, recount_next
from .retries import retried
from .signals import flushed as flushed_signal
from .stored import BATCH, Stored

logger = logging.getLogger("notifications_counter")

Result = TypeVar("Result")

#: For how long a flush tries to recount keys that writers are busy with.
RECOUNT_SECONDS = 1

#: How long one flush works on recounting a whole source: for the first time, or after the server lost data.
FILL_SECONDS = 1

#: Batches of a shard that one flush applies: what another flush has left, and what is pending then. Under load there
#: would always be a next one.
BATCHES = 2


@dataclass
class Flushed:
    """What a flush did.

    Attributes:
        label: the counter.
        keys: how many sums were added to stored counts; a key counts once in each chunk.
        amount: the sum of them all.
        recounted: for how many keys the source was counted again.
        audited: for how many more it was counted again only because it was their turn.
        drifted: of how many of those the count was wrong, and has been corrected.
        seconds: how long it took.
        problems: what could not be applied, a sentence each. What has no valid key waits in the database; a sum that is
            no integer was left out.
        lost: what the buffer's server has lost, a sentence each.
        stopped: whether it was told to stop before the end.
    """

    label: str
    keys: int = 0
    amount: int = 0
    recounted: int = 0
    audited: int = 0
    drifted: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stopped: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything could be applied, and nothing was lost."""
        return not self.problems and not self.lost


class Stop(Exception):
    """The caller wants no further chunk."""


def flush(
    stored: Stored,
    *,
    chunk: int | None = None,
    stop: Callable[[], bool] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Flushed:
    """Apply what is buffered; see ``Counter.flush``."""
    return Flush(stored, chunk, stop, report).run()


def apply_all(stored: Stored) -> None:
    """Apply what is buffered, and no more than that."""
    Flush(stored).apply_all()


class Flush:
    """One run over one counter on one database alias."""

    def __init__(
        self,
        stored: Stored,
        chunk: int | None = None,
        stop: Callable[[], bool] | None = None,
        report: Callable[[int, int], None] | None = None,
    ) -> None:
        self.stored = stored
        self.buffer: Buffer = stored.counter.buffer
        self.chunk = chunk or self.buffer.chunk
        self.stop = stop or (lambda: False)
        self.report = report
        self.done = 0
        self.total = 0
        self.flushed = Flushed(stored.label)

    def run(self) -> Flushed:
        self._retried(self._refuse_in_transaction)
        started = time.monotonic()
        self._retried(self._prepare)
        try:
            self._recount_asked()
            for shard in range(self.buffer.layout.shards):
                self._recount_due(shard)
            self.apply_all()
            if self._recount_all() + self._audit():
                self.apply_all()
        except Stop:
            self.flushed.stopped = True
        self.flushed.seconds = time.monotonic() - started
        self._note_end()
        return self.flushed

    def _retried(self, transaction: Callable[..., Result], *arguments: Any) -> Result:
        return retried(self.stored.label, self.stored.using, transaction, *arguments)

    def apply_all(self) -> None:
        self._flush_rows()
        for shard in range(self.buffer.layout.shards):
            self._flush_shard(shard)

    def _refuse_in_transaction(self) -> None:
        try:
            with transaction.atomic(using=self.stored.using, durable=True):
                pass
        except RuntimeError:
            raise FlushInTransaction(
                f"{self.stored.label}: a flush cannot run inside atomic(): call it outside of any transaction."
            ) from None

    def _prepare(self) -> None:
        """The rows that are locked, and where deltas wait, must be known before anything is claimed."""
        layout, stored = self.buffer.layout, self.stored
        stored.ensure_progress(layout.shards)
        look = stored.look([])
        stored.check_layout(look.shards[0], layout.prefix, layout.shards)
        if layout.prefix and not look.shards[0].prefix and not self.buffer.rows_only:
            self.buffer.open(stored)
        if self.report:
            status = self.buffer.status(stored)
            self.total = status.rows + (status.outside or 0)

    def _next_chunk(self, done: int) -> None:
        self.done += done
        if self.report and done:
            self.report(self.done, max(self.total, self.done))
        if self.stop():
            raise Stop

    # Recounts that were asked for

    def _recount_asked(self) -> None:
        newest = self._newest()
        rows = [] if self.stored.events else self._asked(newest)
        while rows and self._recount({key for _, key in rows}):
            self._retried(waiting.delete, self.stored.using, [id for id, _ in rows])
            self._next_chunk(0)
            rows = self._asked(newest)

    def _newest(self) -> int:
        """What waits by now: a flush that went on with what comes meanwhile would never end under load."""
        return self._retried(waiting.newest, self.stored.using, self.stored.label)

    def _asked(self, newest: int) -> list[tuple[int, str]]:
        return self._retried(waiting.asked, self.stored.using, self.stored.label, newest, BATCH)

    def _recount_due(self, shard: int) -> None:
        if not self.stored.events and (keys := self.buffer.due(self.stored, shard, BATCH)):
            self._recount(set(keys))

    def _recount(self, keys: set[str]) -> bool:
        """Whether all could be recounted; else the next flush tries again, and this one goes on."""
        try:
            self.flushed.recounted += len(self._retried(recount, self.stored, sorted(keys), RECOUNT_SECONDS))
        except RecountFailed as error:
            logger.warning("%s The next flush tries again.", error)
            return False
        return True

    def _recount_all(self) -> int:
        """Until the source has been counted once, and once more after a loss, each flush counts a part of it.

        Returns how many counts were corrected.
        """
        corrected, end = 0, time.monotonic() + FILL_SECONDS
        while self._retried(self._must_recount_all) and time.monotonic() < end:
            self._next_chunk(0)
            try:
                found = self._retried(recount_next, self.stored) or []
            except RecountFailed as error:
                logger.warning("%s The next flush tries again.", error)
                break
            self.flushed.recounted += len(found)
            corrected += sum(one.changed != 0 for one in found)
        return corrected

    def _must_recount_all(self) -> bool:
        row = progress.read(self.stored.using, self.stored.label, 0)
        return not self.stored.events and (row.lost_at is not None or not row.filled)

    def _audit(self) -> int:
        """Returns how many counts were corrected."""
        if self.stored.events:
            return 0
        try:
            done = self._retried(audit.audit, self.stored, self.stop)
        except RecountFailed as error:  # the server has lost data a moment ago
            logger.warning("%s The next flush goes on.", error)
            return 0
        self.flushed.audited, self.flushed.drifted = done.keys, len(done.drifted)
        return self.flushed.drifted

    # Deltas that wait in the database

    def _flush_rows(self) -> None:
        newest = self._newest()
        self._next_chunk(0)
        keys = self._next_keys(None, newest)
        while keys:
            self._next_chunk(self._retried(self._apply_rows, keys, newest))
            keys = self._next_keys(keys[-1], newest)

    def _next_keys(self, after: str | None, newest: int) -> list[str]:
        arguments = self.stored.using, self.stored.label, after, newest, self.chunk
        return self._retried(waiting.next_keys, *arguments)

    def _apply_rows(self, keys: list[str], newest: int) -> int:
        """Apply what waits of keys; the number of rows. Those of a key that can be none wait on."""
        using, label = self.stored.using, self.stored.label
        pks = self._pks(keys, f"Its rows in {waiting.TABLE} wait on: correct or delete them.")
        good = [key for key in keys if key in pks]
        with transaction.atomic(using=using, durable=True):
            # Here, because nobody else would tell the caches of a buffer that others have begun to use.
            self.stored.check_layout(progress.lock(using, label, 0), *astuple(self.buffer.layout))
            taken = waiting.take(using, label, good, newest) if good else {}
            self.buffer.before_rows(self.stored, taken)
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
            return self.stored.to_pk(self.stored.counter.key_text(key))
        except InvalidKey as error:
            self._problem(f"{error} {advice}")
            return None

    # Deltas that wait elsewhere

    def _flush_shard(self, shard: int) -> None:
        for _ in range(BATCHES):
            self._next_chunk(0)
            batch = self._retried(self._claim, shard)
            if batch is None:
                return
            with Slices(self.buffer, self.stored, shard, batch, self.chunk) as slices:
                while applied := self._retried(self._apply_slice, shard, slices):
                    self._next_chunk(applied)
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
        return row, self.buffer.claim(self.stored, shard, Known(row.run_id, row.batch, row.position, row.size))

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
        self.buffer.forget_cached(self.stored)
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

    def _apply_slice(self, shard: int, slices: Slices) -> int:
        """Apply the next part of a batch; 0 where nothing of it is left to be applied."""
        using, label, batch = self.stored.using, self.stored.label, slices.batch
        with transaction.atomic(using=using, durable=True):
            row = progress.lock(using, label, shard)
            if row.batch > batch:
                return 0
            position = row.position if row.batch == batch else 0
            part = slices.at(position)
            if part.batch != batch or not part.members:
                return 0
            added, bad = self._sorted_out(part.members)
            upsert.add(self.stored, added)
            self.stored.leave(bad)
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

    def _note_end(self) -> None:
        flushed = self.flushed
        values = {"flushed_at": timezone.now(), "flushed_keys": flushed.keys, "flushed_seconds": flushed.seconds}
        self._retried(progress.update, self.stored.using, self.stored.label, values)
        stored = self.stored  # robust: nobody who listens may keep a flush from what it is for; Django logs it
        flushed_signal.send_robust(stored.counter.model, counter=stored.counter, using=stored.using, flushed=flushed)
