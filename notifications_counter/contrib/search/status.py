"""How a search index is: for ``manage.py search_index --status``, and whoever watches over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Sum

from ...exceptions import described, quoted
from ...projections.documents import SinkUnavailable
from ...projections.rebuilding import Rebuild
from ...projections.sending import Sender
from .conf import get_sink

if TYPE_CHECKING:
    from .declaration import SearchDeclaration

#: How many documents that were set aside are named.
MOST_NAMED = 10


@dataclass(frozen=True)
class IndexStatus:
    """How a search index is.

    Attributes:
        label: the index.
        using: the alias of the database that the rows are in.
        sink: where the documents are.
        is_complete: whether all documents are there, and of this database.
        building: what is being built; empty where nothing is.
        walked: how many rows of that have been sent.
        pending: how many documents are outdated and not sent, each time that a row was noted.
        sent: how many documents were sent in all.
        sent_at: when the last ones were.
        unavailable: what the sink says that takes nothing; empty where it takes documents.
        unavailable_since: since when.
        set_aside: key -> why its document could not be made, or was refused; the first ten.
        set_aside_in_all: how many there are.
        audited_at: when all documents had been compared with their rows.
        drifted: how many differed, in all.
        drift_at: when one was found the last time.
        details: what the sink says.
    """

    label: str
    using: str
    sink: str
    is_complete: bool
    building: str
    walked: int
    pending: int
    sent: int
    sent_at: datetime | None
    unavailable: str
    unavailable_since: datetime | None
    set_aside: Mapping[str, str]
    set_aside_in_all: int
    audited_at: datetime | None
    drifted: int
    drift_at: datetime | None
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The same of values that JSON has."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }

    def sentence(self) -> str:
        """The same in a few lines."""
        lines = [f"{self.label} on {self.using!r}, {self.sink}: {self._state()}"]
        lines += [f"  {name}: {value}" for name, value in self.details.items()]
        lines.append(f"  pending: {self.pending:,}, sent: {self.sent:,}" + _at(self.sent_at))
        if self.unavailable:
            lines.append(f"  takes nothing{_at(self.unavailable_since, ' since')}: {self.unavailable}")
        if self.set_aside_in_all:
            lines.append(f"  set aside: {self.set_aside_in_all:,}")
            lines += [f"    {quoted(key)}: {reason}" for key, reason in self.set_aside.items()]
        audited = _at(self.audited_at, "").strip() or "not yet"
        lines.append(f"  audited: {audited}, differences found: {self.drifted:,}" + _at(self.drift_at))
        return "\n".join(lines)

    def _state(self) -> str:
        if self.building:
            return f"being built, {self.walked:,} rows so far"
        return "complete" if self.is_complete else "not all documents are there: run manage.py search_index --create"


def _at(moment: datetime | None, word: str = ", last at") -> str:
    return f"{word} {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def status(index: SearchDeclaration, using: str) -> IndexStatus:
    """How an index is on a database alias."""
    sender, sink = Sender(index, using), get_sink()
    row = sender.prepare()
    set_aside = sender.set_aside_rows().order_by("-tried_at")
    details, unavailable = {}, row.unavailable
    try:
        details = sink.status(index, using=using)
    except SinkUnavailable as error:
        unavailable = described(error)
    return IndexStatus(
        label=index.label,
        using=using,
        sink=type(sink).__name__,
        is_complete=not Rebuild(sender).is_due(),
        building=row.building,
        walked=row.walked,
        pending=sender.pending().aggregate(total=Sum("size"))["total"] or 0,
        sent=row.sent,
        sent_at=row.sent_at,
        unavailable=unavailable,
        unavailable_since=row.unavailable_since,
        set_aside=dict(set_aside.values_list("key", "reason")[:MOST_NAMED]),
        set_aside_in_all=set_aside.count(),
        audited_at=row.audited_at,
        drifted=row.drifted,
        drift_at=row.drift_at,
        details=details,
    )
