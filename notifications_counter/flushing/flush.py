"""The order of a flush: requested recounts, pending deltas, the backfill, the audit."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from ..applying.apply import Applier
from ..applying.result import FlushResult, Stop
from ..exceptions import BufferRefused, FlushInTransaction, RecountFailed
from ..ledger import deltas, progress
from ..ledger.declared import adopt
from ..ledger.identity import identify
from ..ledger.snapshot import BATCH
from ..ledger.store import CounterStore
from ..reconciliation import audit
from ..reconciliation.recount import recount
from ..reconciliation.walk import recount_next
from ..signals import flushed

logger = logging.getLogger("notifications_counter")

#: For how long a flush tries to recount keys that writers are busy with.
RECOUNT_SECONDS = 1

#: For how long one flush recounts slices of all keys: for the backfill, or after the server lost data.
BACKFILL_SECONDS = 1


def flush(
    store: CounterStore,
    *,
    chunk_size: int | None = None,
    stop: Callable[[], bool] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> FlushResult:
    """Apply the pending deltas of a counter; see ``Counter.flush``."""
    return Flush(store, chunk_size, stop, report).run()


class Flush:
    """One run over one counter on one database alias."""

    def __init__(
        self,
        store: CounterStore,
        chunk_size: int | None = None,
        stop: Callable[[], bool] | None = None,
        report: Callable[[int, int], None] | None = None,
    ) -> None:
        self.store = store
        self.applier = Applier(store, chunk_size, stop, report)
        self.buffer = self.applier.buffer
        self.result = self.applier.result

    def run(self) -> FlushResult:
        self.applier.retried(self._refuse_in_transaction)
        started = time.monotonic()
        if not self.applier.retried(self._prepare):
            return self._passed_over()
        try:
            self._recount_requested()
            for shard in range(self.buffer.layout.shards):
                self._recount_due(shard)
            self.applier.apply_all()
            if self._backfill() + self._audit():
                self.applier.apply_all()
        except Stop:
            self.result.stopped = True
        self.applier.name_left()
        self.result.seconds = time.monotonic() - started
        self._note_end()
        return self.result

    def _refuse_in_transaction(self) -> None:
        try:
            with transaction.atomic(using=self.store.using, durable=True):
                pass
        except RuntimeError:
            raise FlushInTransaction(
                f"{self.store.label}: a flush cannot run inside atomic(): call it outside of any transaction."
            ) from None

    def _passed_over(self) -> FlushResult:
        """A process of before a deployment has nothing to say any more about what counts mean."""
        self.result.passed_over = (
            f"{self.store.label}: passed over: this process has an older declaration (filter, key, sum or field)"
            " than the one that makes the counts. Restart it with the code of the others."
        )
        logger.warning(self.result.passed_over)
        return self.result

    def _prepare(self) -> bool:
        """Whether this process may go on: not where the counts are made by a newer declaration than it has."""
        identify(self.store.using)
        self.buffer.prepare_flush(self.store)
        if not adopt(self.store):
            return False
        self.buffer.declare(self.store)
        if self.applier.report:
            status = self.buffer.status(self.store)
            self.applier.total = status.rows + (status.outside or 0)
        return True

    # Recounts

    def _recount_requested(self) -> None:
        last = self.applier.last_id()
        rows = [] if self.store.events else self._requests(last)
        while rows and self._recount(self.applier.valid({key for _, key in rows})):
            self.applier.retried(deltas.delete, self.store.using, [id for id, _ in rows])
            self.applier.next_chunk(0)
            rows = self._requests(last)

    def _requests(self, last: int) -> list[tuple[int, str]]:
        store = self.store
        arguments = store.using, store.label, store.declaration, last, BATCH
        return self.applier.retried(deltas.recount_requests, *arguments)

    def _recount_due(self, shard: int) -> None:
        if not self.store.events and (keys := self.buffer.due_recounts(self.store, shard, BATCH)):
            self._recount(set(keys))

    def _recount(self, keys: set[str]) -> bool:
        """Whether all could be recounted; else the next flush tries again, and this one goes on."""
        try:
            self.result.recounted += len(self.applier.retried(recount, self.store, sorted(keys), RECOUNT_SECONDS))
        except (RecountFailed, BufferRefused) as error:  # a full server refuses to recount, and can be emptied
            logger.warning("%s The next flush tries again.", error)
            return False
        return True

    def _backfill(self) -> int:
        """Until the source has been counted once, and once more after a loss, each flush recounts slices of all keys.

        Returns how many counts were corrected.
        """
        corrected, end = 0, time.monotonic() + BACKFILL_SECONDS
        while self.applier.retried(self._must_backfill) and time.monotonic() < end:
            self.applier.next_chunk(0)
            try:
                found = self.applier.retried(recount_next, self.store) or []
            except (RecountFailed, BufferRefused) as error:
                logger.warning("%s The next flush tries again.", error)
                break
            self.result.recounted += len(found)
            corrected += sum(one.difference != 0 for one in found)
        return corrected

    def _must_backfill(self) -> bool:
        row = progress.read(self.store.using, self.store.label, 0)
        return not self.store.events and (row.lost_at is not None or not row.backfilled)

    def _audit(self) -> int:
        """Returns how many counts were corrected."""
        if self.store.events:
            return 0
        try:
            done = self.applier.retried(audit.audit, self.store, self.applier.stop)
        except (RecountFailed, BufferRefused) as error:  # the server has lost data a moment ago, or is full
            logger.warning("%s The next flush goes on.", error)
            return 0
        self.result.audited, self.result.drifted = done.keys, len(done.drifted)
        return self.result.drifted

    def _note_end(self) -> None:
        result, store = self.result, self.store
        now = timezone.now()
        values = {"flushed_at": now, "declared_at": now, "flushed_keys": result.keys, "flushed_seconds": result.seconds}
        self.applier.retried(progress.update, store.using, store.label, values)
        # Robust: no receiver may keep a flush from what it is for; Django logs what fails.
        flushed.send_robust(store.counter.model, counter=store.counter, using=store.using, flushed=result)
