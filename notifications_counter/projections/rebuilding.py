"""All documents anew, while the site writes: what the sink has is replaced when the new ones have caught up.

Where a rebuild is, the progress row says, so that any process goes on with it: each flush does a part, until the
documents of a new projection, or of a database that is a copy, are all there; the command does all of it at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import transaction
from django.db.models import F

from ..compat.uncached import rows_of
from ..ledger.identity import identify
from .documents import SinkUnavailable
from .reading import documents_between, keys_after
from .sending import Chunk, Sender
from .tables import ProjectionProgress

#: What stands for the identity of a database whose table of identities is missing.
UNKNOWN = "unknown"


class Rebuild:
    """The rebuild of a projection on one database alias.

    Args:
        sender: sends what changes meanwhile.
        report: called after each slice with how many rows have been sent.
    """

    def __init__(self, sender: Sender, report: Callable[[int], None] | None = None) -> None:
        self.sender, self.report = sender, report
        self.projection, self.using, self.sink = sender.projection, sender.using, sender.sink
        self.identity = identify(self.using) or UNKNOWN
        self._end: float | None = None

    def is_due(self) -> bool:
        """Whether what the sink has is not of this database, or not all of it."""
        return self.sender.prepare().identity != self.identity

    def begin(self) -> None:
        """Begin anew; what was begun and not ended is dropped.

        Raises:
            SinkUnavailable: the sink cannot be reached.
        """
        self.sender.prepare()
        target = self.sink.begin_rebuild(self.projection, using=self.using, identity=self.identity)
        self._note(building=target, building_for=self.identity, walked_to=None, walked=0)

    def run(self, seconds: float | None = None) -> bool:
        """Go on with it, for so many seconds at most.

        Returns:
            Whether it has ended.

        Raises:
            SinkUnavailable: the sink cannot be reached.
        """
        row = self.sender.prepare()
        if not row.building or row.building_for != self.identity:
            self.begin()
        self._end = None if seconds is None else time.monotonic() + seconds
        walked = self._write_all() if self.sink.in_transaction else self._send_all()
        return walked and self._finish()

    def _must_stop(self) -> bool:
        return self.sender.stop() or (self._end is not None and time.monotonic() > self._end)

    def _write_all(self) -> bool:
        while self.sender.until_settled(self._write_slice):
            if self._must_stop():
                return False
        return True

    def _send_all(self) -> bool:
        """A slice is sent while the next one is read; whether the end was reached."""
        waiting: tuple[Future[Any], Chunk, list[str]] | None = None
        after = self.sender.progress()
        with ThreadPoolExecutor(1, "notifications_counter") as pool:
            while True:
                chunk, keys = self.sender.retried(self._read_slice, after.walked_to)
                if waiting is not None and not self._sent(*waiting, after):
                    return False  # another process goes on with it
                if not keys:
                    return True
                waiting = (pool.submit(self.sender.deliver, chunk), chunk, keys)
                after.walked_to = keys[-1]
                if self._must_stop():
                    self._sent(*waiting, after)
                    return False

    def _sent(self, sending: Future[Any], chunk: Chunk, keys: list[str], before: ProjectionProgress) -> bool:
        self.sender.retried(self.sender.settle, chunk, [*chunk.problems, *sending.result()])
        is_ours = self._walked(before, keys)
        before.walked += len(keys)
        return is_ours

    def _read_slice(self, after: str | None) -> tuple[Chunk, list[str]]:
        with transaction.atomic(using=self.using):
            chunk = self.sender.begin_chunk()
            chunk.is_live = False
            keys = keys_after(self.projection, self.projection.rows(self.using), after, self.sender.size)
            if keys:
                chunk.documents, chunk.problems = documents_between(
                    self.projection, after, keys[-1], chunk.version, self.using
                )
        return chunk, keys

    def _write_slice(self) -> bool:
        """In the sink's own database: rows that have no document are told too, for one that is left from before."""
        with transaction.atomic(using=self.using):
            chunk = self.sender.begin_chunk()
            before = self.sender.progress()
            keys = keys_after(self.projection, self.projection.rows(self.using), before.walked_to, self.sender.size)
            if keys:
                self.sender.write(chunk, keys)
                self.sender.settle_problems(chunk)
                self._walked(before, keys)
        return bool(keys)

    def _walked(self, before: ProjectionProgress, keys: list[str]) -> bool:
        """Note how far it is; whether no other process has been faster."""
        is_ours = (
            rows_of(ProjectionProgress, self.using)
            .filter(projection=self.projection.label, building=before.building, walked=before.walked)
            .update(walked_to=keys[-1], walked=F("walked") + len(keys))
        )
        self.sender.result.rebuilt += len(keys)
        if self.report:
            self.report(before.walked + len(keys))
        return bool(is_ours)

    def _finish(self) -> bool:
        """Send what has become outdated meanwhile, and let the new documents be read."""
        if self.sender.run().unavailable:
            raise SinkUnavailable(self.sender.result.unavailable)
        row = self.sender.progress()
        if not row.building:
            return True  # another process has ended it
        self.sink.finish_rebuild(self.projection, row.building, using=self.using)
        self._note(identity=row.building_for, building="", building_for="")
        self.sender.run()  # what the sink has noted that has no row
        return True

    def _note(self, **values: Any) -> None:
        rows_of(ProjectionProgress, self.using).filter(projection=self.projection.label).update(**values)


def rebuild(
    projection: Any,
    using: str | None = None,
    *,
    size: int | None = None,
    report: Callable[[int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> int:
    """Make all documents anew, beside those that are read, and then read those.

    Args:
        projection: the projection.
        using: a database alias, where it is not its own.
        size: how many documents are sent at once.
        report: called after each slice with how many rows have been sent.
        stop: asked after each slice; a true answer ends it, and the next flushes, or the next call, go on from there.

    Returns:
        How many rows were sent.

    Raises:
        SinkUnavailable: the sink cannot be reached.
    """
    sender = Sender(projection, using or projection.alias(), size or projection.chunk_size, stop)
    again = Rebuild(sender, report)
    again.begin()
    again.run()
    return sender.result.rebuilt
