"""The flush of a projection: outdated documents are made anew and given to the sink.

Of one chunk the progress row is locked, its version raised, and the rows are read; with the commit the lock is gone,
and only then are the documents sent, all with that version. So two processes may send at once and overtake each other:
of two documents of one row the greater version was read later, and a sink keeps that. What is pending is removed when
the sink has answered; a process that dies before leaves it for the next one.

A sink in the same database is given the documents before the commit, under the locks of their rows: it needs no
version.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ..applying.retries import retried
from ..compat.uncached import rows_of
from ..exceptions import described, quoted
from .declaration import Projection
from .documents import Document, Outcome, SinkUnavailable
from .noting import note
from .reading import documents_of, keys_of, lock
from .tables import DocumentSetAside, OutdatedDocuments, ProjectionProgress

logger = logging.getLogger("notifications_counter")

#: Documents that are sent at once, where the sink's settings say nothing else.
CHUNK = 500

#: The most pending rows that a chunk takes, however often each names the same keys.
MOST_ROWS = 2000

#: After how long a document that was set aside is tried again.
TRY_AGAIN = timedelta(hours=1)


@dataclass
class Sent:
    """What a flush did for one projection.

    Attributes:
        label: the projection.
        documents: how many documents the sink was given.
        set_aside: how many of them could not be made, or were refused.
        unavailable: why the sink took nothing more, a sentence; empty where it took all.
        rebuilt: how many rows were sent for a rebuild.
        is_building: whether not all documents are there yet.
    """

    label: str
    documents: int = 0
    set_aside: int = 0
    unavailable: str = ""
    rebuilt: int = 0
    is_building: bool = False


@dataclass
class Chunk:
    """Documents, what was pending of them, and where they go."""

    version: int = 0
    building: str = ""
    is_live: bool = False
    rows: list[int] = field(default_factory=list)
    left: dict[str, list[Any]] = field(default_factory=dict)
    documents: list[Document] = field(default_factory=list)
    problems: list[Outcome] = field(default_factory=list)

    @property
    def targets(self) -> list[str | None]:
        """What is read, and what is being built."""
        return [*([None] if self.is_live else []), *([self.building] if self.building else [])]


class Sender:
    """Sends what is pending of one projection, on one database alias.

    Args:
        projection: the projection.
        using: the database alias.
        size: documents in a chunk.
        stop: asked before each chunk; a true answer ends it.
    """

    def __init__(
        self, projection: Projection, using: str, size: int = CHUNK, stop: Callable[[], bool] | None = None
    ) -> None:
        self.projection, self.using, self.size = projection, using, size
        self.stop = stop or (lambda: False)
        self.sink = projection.sink
        self.result = Sent(projection.label)

    def run(self, until: int | None = None) -> Sent:
        """Send all that was pending at the beginning, or up to a pending row.

        Raises:
            DatabaseFailed: the database failed in a way that does not pass.
        """
        self.prepare()
        last = self.last() if until is None else until
        self._try_again()
        try:
            while last and not self.stop() and self._send_next(last):
                pass
            self._note_available()
        except SinkUnavailable as error:
            self.note_unavailable(described(error))
        return self.result

    def prepare(self) -> ProjectionProgress:
        """Make the progress row where it is missing."""
        rows_of(ProjectionProgress, self.using).bulk_create(
            [ProjectionProgress(projection=self.projection.label)], ignore_conflicts=True
        )
        return self.progress()

    def progress(self) -> ProjectionProgress:
        return rows_of(ProjectionProgress, self.using).get(projection=self.projection.label)

    def pending(self) -> Any:
        """The pending rows, oldest first."""
        return rows_of(OutdatedDocuments, self.using).filter(projection=self.projection.label).order_by("id")

    def last(self) -> int | None:
        """The newest pending row."""
        return self.pending().values_list("id", flat=True).last()  # type: ignore[no-any-return]

    def retried(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return retried(self.projection.label, self.using, function, *arguments)

    # One chunk

    def _send_next(self, last: int) -> bool:
        if self.sink.in_transaction:
            return self.until_settled(self._write_next, last)
        chunk = self.retried(self._read_next, last)
        if chunk is None:
            return False
        outcomes = [*chunk.problems, *self.deliver(chunk)]
        self.retried(self.settle, chunk, outcomes)
        return True

    def until_settled(self, write: Callable[..., bool], *arguments: Any) -> bool:
        while True:
            try:
                return bool(self.retried(write, *arguments))
            except Appeared:
                continue

    def deliver(self, chunk: Chunk) -> list[Outcome]:
        """Give the documents of a chunk to the sink.

        Raises:
            SinkUnavailable: not all could be sent.
        """
        found: dict[str, Outcome] = {}
        for target in chunk.targets if chunk.documents else ():
            for one in self.sink.send(self.projection, chunk.documents, using=self.using, target=target):
                if one.refused or one.retry or one.key not in found:
                    found[one.key] = one
        if any(one.retry for one in found.values()) and all(one.retry for one in found.values()):
            raise SinkUnavailable(f"{self.projection.label}: the sink takes no documents for now.")
        self.result.documents += len(chunk.documents)
        return list(found.values())

    def _read_next(self, last: int) -> Chunk | None:
        with transaction.atomic(using=self.using):
            chunk = self.begin_chunk()
            keys = self._take(chunk, last)
            if not chunk.rows:
                return None
            chunk.documents, chunk.problems = documents_of(self.projection, keys, chunk.version, self.using)
        return chunk

    def begin_chunk(self) -> Chunk:
        """Lock the progress row, and get a version that is greater than all before."""
        rows = rows_of(ProjectionProgress, self.using).filter(projection=self.projection.label)
        rows.update(version=F("version") + 1)
        row = rows.get()
        return Chunk(row.version, row.building, bool(row.identity))

    def _write_next(self, last: int) -> bool:
        with transaction.atomic(using=self.using):
            chunk = self.begin_chunk()
            keys = self._take(chunk, last)
            if not chunk.rows:
                return False
            self.write(chunk, keys)
            self._settle_here(chunk)
        return True

    def write(self, chunk: Chunk, keys: Sequence[str]) -> None:
        """Give the documents of rows to a sink in this database, under the locks of those rows."""
        there = lock(self.projection, keys, self.using)
        chunk.documents, chunk.problems = documents_of(self.projection, keys, chunk.version, self.using)
        chunk.problems += self.sink.send(self.projection, chunk.documents, using=self.using)
        if lock(self.projection, [key for key in keys if key not in there], self.using):
            raise Appeared  # a row with the key of one that was gone
        self.result.documents += len(chunk.documents)

    def _take(self, chunk: Chunk, last: int) -> list[str]:
        """The keys of the next pending rows, as many as fit; what does not, stays pending."""
        keys: dict[str, None] = {}
        for id, lookup, text in self.pending().filter(id__lte=last).values_list("id", "lookup", "keys")[:MOST_ROWS]:
            if len(keys) >= self.size:
                break
            chunk.rows.append(id)
            given = json.loads(text)
            found = keys_of(self.projection, lookup, given, self.using) if lookup else self._valid(chunk, given)
            keys |= dict.fromkeys(found)
        taken = list(keys)
        if len(taken) > 2 * self.size:  # a row of many others: the rest comes in turn
            note(self.projection, taken[self.size :], self.using)
            taken = taken[: self.size]
        return taken

    def _valid(self, chunk: Chunk, keys: Iterable[Any]) -> list[str]:
        found = []
        for key in keys:
            try:
                # Written once: a trigger may write a key in another way.
                found.append(self.projection.key.text(self.projection.key.value(key)))
            except (ValidationError, ValueError, TypeError) as error:
                chunk.problems.append(Outcome(str(key), refused=f"no primary key: {described(error)}"))
        return found

    # What the sink has answered

    def settle(self, chunk: Chunk, outcomes: Sequence[Outcome]) -> None:
        """Note what a sink has made of a chunk."""
        with transaction.atomic(using=self.using):
            chunk.problems = list(outcomes)
            self._settle_here(chunk)

    def _settle_here(self, chunk: Chunk) -> None:
        """Remove what was pending, and note again what the sink did not take."""
        if chunk.rows:
            self.pending().filter(id__in=chunk.rows)._raw_delete(self.using)
        self.settle_problems(chunk)

    def settle_problems(self, chunk: Chunk) -> None:
        """Note what the sink did not take, and how much it was given."""
        if again := [one.key for one in chunk.problems if one.retry]:
            note(self.projection, again, self.using)
        self._set_aside({one.key: one.refused for one in chunk.problems if one.refused is not None})
        done = [document.key for document in chunk.documents]
        refused = {one.key for one in chunk.problems if one.refused}
        self.set_aside_rows().filter(key__in=[key for key in done if key not in refused]).delete()
        rows_of(ProjectionProgress, self.using).filter(projection=self.projection.label).update(
            sent=F("sent") + len(done), sent_at=timezone.now()
        )

    def set_aside_rows(self) -> Any:
        return rows_of(DocumentSetAside, self.using).filter(projection=self.projection.label)

    def _set_aside(self, refused: dict[str, str]) -> None:
        if not refused:
            return
        known = set(self.set_aside_rows().filter(key__in=list(refused)).values_list("key", flat=True))
        self.set_aside_rows().filter(key__in=list(refused)).delete()
        now = timezone.now()
        rows = [
            DocumentSetAside(projection=self.projection.label, key=key[:500], reason=reason, tried_at=now)
            for key, reason in refused.items()
        ]
        rows_of(DocumentSetAside, self.using).bulk_create(rows)
        self.result.set_aside += len(rows)
        for key in refused.keys() - known:
            logger.error("%s: the document of %s was set aside: %s", self.projection.label, quoted(key), refused[key])

    def _try_again(self, before: Any = None) -> None:
        """Let what was set aside long ago be pending again: what was wrong with it may be mended."""
        due = self.set_aside_rows().filter(tried_at__lt=before or timezone.now() - TRY_AGAIN)
        if keys := list(due.values_list("key", flat=True)[:CHUNK]):
            with transaction.atomic(using=self.using):
                due.filter(key__in=keys).update(tried_at=timezone.now())
                note(self.projection, keys, self.using)

    # A sink that is away

    def note_unavailable(self, sentence: str) -> None:
        """Note, and say once, that the sink takes nothing."""
        self.result.unavailable = sentence
        row = self.progress()
        if row.unavailable_since is None:
            logger.error("%s: %s What has changed stays pending.", self.projection.label, sentence)
            since = timezone.now()
        else:
            since = row.unavailable_since
        rows_of(ProjectionProgress, self.using).filter(projection=self.projection.label).update(
            unavailable_since=since, unavailable=sentence
        )

    def _note_available(self) -> None:
        rows = rows_of(ProjectionProgress, self.using).filter(
            projection=self.projection.label, unavailable_since__isnull=False
        )
        if self.result.documents and rows.update(unavailable_since=None, unavailable=""):
            logger.warning("%s: the sink takes documents again.", self.projection.label)


class Appeared(Exception):
    """A row has come in place of one that was gone."""
