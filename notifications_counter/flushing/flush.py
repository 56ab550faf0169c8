"""The flush: recounts that were asked for, then what is buffered, then the rest of what a flush is for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from ..applying.apply import Applier
from ..applying.result import FlushResult, Stop
from ..exceptions import FlushInTransaction, RecountFailed
from ..ledger import deltas as waiting
from ..ledger import progress
from ..ledger.snapshot import BATCH
from ..ledger.store import CounterStore
from ..reconciliation import audit
from ..reconciliation.recount import recount
from ..reconciliation.walk import recount_next
from ..signals import flushed as flushed_signal

logger = logging.getLogger("notifications_counter")

#: For how long a flush tries to recount keys that writers are busy with.
RECOUNT_SECONDS = 1

#: How long one flush works on recounting a whole source: for the first time, or after the server lost data.
FILL_SECONDS = 1


def flush(
    stored: CounterStore,
    *,
    chunk: int | None = None,
    stop: Callable[[], bool] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> FlushResult:
    """Apply what is buffered; see ``Counter.flush``."""
    return Flush(stored, chunk, stop, report).run()


class Flush:
    """One run over one counter on one database alias."""

    def __init__(
        self,
        stored: CounterStore,
        chunk: int | None = None,
        stop: Callable[[], bool] | None = None,
        report: Callable[[int, int], None] | None = None,
    ) -> None:
        self.stored = stored
        self.applier = Applier(stored, chunk, stop, report)
        self.buffer = self.applier.buffer
        self.flushed = self.applier.flushed

    def run(self) -> FlushResult:
        self.applier.retried(self._refuse_in_transaction)
        started = time.monotonic()
        self.applier.retried(self._prepare)
        try:
            self._recount_asked()
            for shard in range(self.buffer.layout.shards):
                self._recount_due(shard)
            self.applier.apply_all()
            if self._recount_all() + self._audit():
                self.applier.apply_all()
        except Stop:
            self.flushed.stopped = True
        self.flushed.seconds = time.monotonic() - started
        self._note_end()
        return self.flushed

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
        look = stored.snapshot([])
        stored.check_layout(look.shards[0], layout)
        if layout.prefix and not look.shards[0].prefix and not self.buffer.database_only:
            self.buffer.open(stored)
        if self.applier.report:
            status = self.buffer.status(stored)
            self.applier.total = status.rows + (status.outside or 0)

    # Recounts that were asked for

    def _recount_asked(self) -> None:
        newest = self.applier.newest()
        rows = [] if self.stored.events else self._asked(newest)
        while rows and self._recount({key for _, key in rows}):
            self.applier.retried(waiting.delete, self.stored.using, [id for id, _ in rows])
            self.applier.next_chunk(0)
            rows = self._asked(newest)

    def _asked(self, newest: int) -> list[tuple[int, str]]:
        return self.applier.retried(waiting.recount_requests, self.stored.using, self.stored.label, newest, BATCH)

    def _recount_due(self, shard: int) -> None:
        if not self.stored.events and (keys := self.buffer.due(self.stored, shard, BATCH)):
            self._recount(set(keys))

    def _recount(self, keys: set[str]) -> bool:
        """Whether all could be recounted; else the next flush tries again, and this one goes on."""
        try:
            self.flushed.recounted += len(self.applier.retried(recount, self.stored, sorted(keys), RECOUNT_SECONDS))
        except RecountFailed as error:
            logger.warning("%s The next flush tries again.", error)
            return False
        return True

    def _recount_all(self) -> int:
        """Until the source has been counted once, and once more after a loss, each flush counts a part of it.

        Returns how many counts were corrected.
        """
        corrected, end = 0, time.monotonic() + FILL_SECONDS
        while self.applier.retried(self._must_recount_all) and time.monotonic() < end:
            self.applier.next_chunk(0)
            try:
                found = self.applier.retried(recount_next, self.stored) or []
            except RecountFailed as error:
                logger.warning("%s The next flush tries again.", error)
                break
            self.flushed.recounted += len(found)
            corrected += sum(one.difference != 0 for one in found)
        return corrected

    def _must_recount_all(self) -> bool:
        row = progress.read(self.stored.using, self.stored.label, 0)
        return not self.stored.events and (row.lost_at is not None or not row.backfilled)

    def _audit(self) -> int:
        """Returns how many counts were corrected."""
        if self.stored.events:
            return 0
        try:
            done = self.applier.retried(audit.audit, self.stored, self.applier.stop)
        except RecountFailed as error:  # the server has lost data a moment ago
            logger.warning("%s The next flush goes on.", error)
            return 0
        self.flushed.audited, self.flushed.drifted = done.keys, len(done.drifted)
        return self.flushed.drifted

    # What happened

    def _note_end(self) -> None:
        flushed = self.flushed
        values = {"flushed_at": timezone.now(), "flushed_keys": flushed.keys, "flushed_seconds": flushed.seconds}
        self.applier.retried(progress.update, self.stored.using, self.stored.label, values)
        stored = self.stored  # robust: nobody who listens may keep a flush from what it is for; Django logs it
        flushed_signal.send_robust(stored.counter.model, counter=stored.counter, using=stored.using, flushed=flushed)
