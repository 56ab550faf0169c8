"""The audit: all documents are compared with their rows once in a while, and what differs is sent again."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ...compat.uncached import rows_of
from ...exceptions import quoted
from ...projections.noting import note
from ...projections.reading import documents_of, keys_after
from ...projections.sending import Sender
from ...projections.tables import ProjectionProgress
from .bodies import OF_FIELDS, kept
from .conf import search_settings
from .results import Stored
from .sinks.base import DIGEST

if TYPE_CHECKING:
    from .declaration import SearchDeclaration

logger = logging.getLogger("notifications_counter")

#: Rows in a slice.
SLICE = 5000

#: For how long one flush audits.
SECONDS = 1

#: How many differences the log names.
MOST_NAMED = 5

#: How often a difference is looked at again, after all that was pending has been sent: a row may be changing.
CONFIRMATIONS = 3

#: In ``audited_to``: what the walk is over, the rows or, after them, what the sink has.
ROWS, STORED = "r", "s"


@dataclass
class Audited:
    """What an audit found.

    Attributes:
        rows: how many rows and documents were compared.
        missing: keys of rows that had no document.
        stale: keys of rows whose document was another one.
        ghosts: keys of documents whose row is gone.
    """

    rows: int = 0
    missing: int = 0
    stale: int = 0
    ghosts: int = 0

    @property
    def drifted(self) -> int:
        """How many documents were wrong."""
        return self.missing + self.stale + self.ghosts


def after_flush(index: SearchDeclaration, sender: Sender) -> None:
    """A part of the audit, and of removing tombstones, at the end of a flush."""
    interval = search_settings().AUDIT_INTERVAL
    row = sender.progress()
    is_due = row.audited_at is None or (
        interval is not None and timezone.now() - row.audited_at >= timedelta(seconds=interval)
    )
    if interval is not None and row.identity and (row.audited_to is not None or is_due):
        Audit(index, sender).run(SECONDS)


class Audit:
    """Compares the documents of an index with its rows.

    Args:
        index: the index.
        sender: sends what differs.
        anew: whether to begin at the first row, wherever the last one ended.
    """

    def __init__(self, index: SearchDeclaration, sender: Sender, anew: bool = False) -> None:
        self.index, self.sender, self.using, self.anew = index, sender, sender.using, anew
        self.found = Audited()
        self.sink: Any = sender.sink
        self._noted = 0
        #: Of a sink that is not in the database: asks it for the slice after one, while that one is compared.
        self._pool: ThreadPoolExecutor | None = None
        self._asked: tuple[str | None, Future[list[Stored]] | None] = None, None

    def run(self, seconds: float | None = None) -> bool:
        """Go on where the last one ended, for so many seconds at most; whether it has been through everything.

        Raises:
            SinkUnavailable: the sink does not answer.
        """
        if self.sink.in_transaction:
            return self._run(seconds)
        with ThreadPoolExecutor(1, "notifications_counter") as self._pool:
            return self._run(seconds)

    def _run(self, seconds: float | None) -> bool:
        end = None if seconds is None else time.monotonic() + seconds
        place: str | None = (None if self.anew else self.sender.prepare().audited_to) or ROWS
        while place is not None:
            place = self._slice(place[:1], place[1:] or None)
            self._note(place)
            if place is not None and (self.sender.stop() or (end is not None and time.monotonic() > end)):
                return False
        return True

    def _slice(self, what: str, after: str | None) -> str | None:
        """Look at a slice; where the next one begins, None after the last one."""
        if what == ROWS:
            # Those that must have a document.
            keys = keys_after(self.index, kept(self.index, self.index.rows(self.using)), after, SLICE)
            self._find_missing(keys)
            return f"{ROWS}{keys[-1]}" if keys else STORED
        stored = self._stored_after(after)
        self._compare({one.key: one.digest for one in stored if one.digest is not None})
        if stored:
            return f"{STORED}{stored[-1].key}"
        for sentence in self.sink.mend(self.index, using=self.using):
            logger.error("%s: %s. It was made anew.", self.index.label, sentence)
        before = timezone.now() - timedelta(days=search_settings().TOMBSTONE_DAYS)
        self.sink.purge(self.index, before, using=self.using)
        return None

    def _stored_after(self, after: str | None) -> list[Stored]:
        """What the sink has next. It may be a moment old, as ``_check`` knows."""
        key, asked = self._asked
        stored = asked.result() if asked and key == after else self._ask(after)
        if stored and self._pool is not None:
            last = stored[-1].key
            self._asked = last, self._pool.submit(self._ask, last)
        return stored

    def _ask(self, after: str | None) -> list[Stored]:
        found: list[Stored] = self.sink.stored_after(self.index, after, SLICE, using=self.using)
        return found

    def _find_missing(self, keys: list[str]) -> None:
        """Rows without a document: which, only where there are fewer documents than rows."""
        self.found.rows += len(keys)
        if keys and self.sink.how_many(self.index, keys, using=self.using) != len(keys):
            self._check(keys)

    def _compare(self, stored: dict[str, str]) -> None:
        """Documents that are not what their rows say, or have none."""
        self.found.rows += len(stored)
        documents, _ = documents_of(self.index, stored, 0, self.using)
        wanted = {document.key: document.body[DIGEST] for document in documents if document.body}
        self._check([key for key, digest in stored.items() if wanted.get(key) != digest])

    def _check(self, keys: list[str]) -> None:
        """Look closely at what may differ: what was compared so far may be a moment old."""
        different = self._confirmed(keys) if keys else {}
        self._send_again(key for key, kind in different.items() if kind == "popularity")
        wrong = {key: kind for key, kind in different.items() if kind != "popularity"}
        kinds = list(wrong.values())
        self.found.missing += kinds.count("missing")
        self.found.stale += kinds.count("stale")
        self.found.ghosts += kinds.count("ghost")
        self._correct(wrong)

    def _confirmed(self, keys: list[str]) -> dict[str, str]:
        """Key -> how its document differs, and goes on to differ when all that was pending has been sent."""
        different = self._different(keys)
        for _ in range(CONFIRMATIONS):
            if different and not self.sender.run().unavailable:
                different = self._different(list(different))
        return {} if self.sender.result.unavailable else different

    def _different(self, keys: list[str]) -> dict[str, str]:
        """Key -> how its document differs from its row as it is now.

        The sink is asked first: what changes between the two is pending, or has been sent.
        """
        stored = {one.key: one for one in self.sink.stored(self.index, keys, using=self.using)}
        documents, _ = documents_of(self.index, keys, 0, self.using)
        found = {document.key: _difference(document.body, stored.get(document.key)) for document in documents}
        return {key: difference for key, difference in found.items() if difference}

    def _correct(self, different: dict[str, str]) -> None:
        if not different:
            return
        self._send_again(different)
        named = ", ".join(f"{quoted(key)} ({kind})" for key, kind in list(different.items())[:MOST_NAMED])
        more = f" and {len(different) - MOST_NAMED} more" if len(different) > MOST_NAMED else ""
        logger.error("%s: documents differed from their rows, and are sent again: %s%s.", self.index.label, named, more)

    def _send_again(self, keys: Iterable[str]) -> None:
        if keys := list(keys):
            with transaction.atomic(using=self.using):
                note(self.index, keys, self.using)

    def _note(self, place: str | None) -> None:
        now = timezone.now()
        values: dict[str, Any] = {"audited_to": place, "audited": self.found.rows}
        if place is None:
            values["audited_at"] = now
        if self.found.drifted:
            values |= {"drift_at": now, "drifted": F("drifted") + self.found.drifted - self._noted}
            self._noted = self.found.drifted
        rows_of(ProjectionProgress, self.using).filter(projection=self.index.label).update(**values)


def _difference(body: Any, stored: Stored | None) -> str:
    has = stored is not None and stored.digest is not None
    if body is None:
        return "ghost" if has else ""
    if not has:
        return "missing"
    wanted, found = body[DIGEST], stored.digest or ""  # type: ignore[union-attr]
    if wanted[:OF_FIELDS] != found[:OF_FIELDS]:
        return "stale"
    return "popularity" if wanted != found else ""
