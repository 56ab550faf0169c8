"""What several counters have of one owner: what is cached of it, and the rest by one statement of the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models

from ...ledger.snapshot import Snapshot
from ...ledger.together import Seen, Wanted, see
from ..base import Together
from .read import Reader, ShardSnapshot
from .read_group import GroupReader

#: What Redis has of a counter: its values, or what is pending.
Told = dict[str, int] | ShardSnapshot


@dataclass(frozen=True)
class Asked:
    """A counter, the key or group that is read of it, and what reads it."""

    reader: Reader
    key: str

    def ask(self) -> Told:
        """What is cached; what is pending where nothing is.

        Raises:
            BufferUnavailable: the server does not answer.
        """
        return self.reader.ask(self.key)

    def conclude(self, in_redis: ShardSnapshot, in_database: Snapshot) -> dict[str, int]:
        """The values; as by themselves where the database was seen too late, or cannot tell.

        Raises:
            BufferMismatch: deltas may be pending elsewhere.
        """
        found = None
        if 0 in in_database.shards:
            found = self.reader.conclude(self.key, in_redis, in_database)
        return self._alone() if found is None else found

    def _alone(self) -> dict[str, int]:
        if isinstance(self.reader, GroupReader):
            return self.reader.group_values()
        return self.reader.values([self.key])


def read_together(
    wanted: Wanted, asked: Sequence[Asked], epoch: str, rows: models.QuerySet[Any, Any] | None
) -> Together:
    """Read several counters; the first is a counter of events that rises with each change of the others.

    Args:
        wanted: the counters and their keys.
        asked: the same, with what reads them.
        epoch: of the first.
        rows: rows that are counted besides.

    Raises:
        BufferUnavailable: the server does not answer.
        BufferMismatch: deltas may be pending elsewhere.
    """
    told = [one.ask() for one in asked]
    is_unchanged = asked[0].ask() == told[0]  # so that all of it is of one moment
    missing = [place for place, one in enumerate(told) if isinstance(one, ShardSnapshot)]
    seen = (
        see([wanted[place] for place in missing], rows) if missing else Seen([], None if rows is None else rows.count())
    )
    in_database = dict(zip(missing, seen.snapshots, strict=True))
    values = [
        one.conclude(has, in_database[place]) if isinstance(has, ShardSnapshot) else has
        for place, (one, has) in enumerate(zip(asked, told, strict=True))
    ]
    return Together(values, epoch, seen.rows, is_unchanged)
