"""A read of a whole group of composite keys: the cached values, or stored and buffered from one consistent look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...declaration.key_text import ESCAPE, SEPARATOR, split_group
from ...exceptions import BufferUnavailable
from ...ledger.snapshot import Snapshot, ShardProgress, in_database, in_parts
from ...ledger.store import CounterStore
from .read import TRIES, PendingDeltas, Reader, Snapshot, integer
from .server import RedisServer
from .shards import Shards

#: The field of a cached group that is there even if the group has no values; no text begins with it alone.
COMPLETE = ESCAPE

#: A group with more keys is not cached: to cache or to read it would keep the server from others for too long.
MOST_CACHED = 5_000


def group_name(base: str, group: str) -> str:
    """What the cached values of a group are called."""
    return f"{base}:group:{group}"


def cached_group(group: str, cached: Mapping[str, Any]) -> dict[str, int] | None:
    """The values of a group that is cached, by key; None where it is not, or something else is there by that name."""
    values = {f"{group}{SEPARATOR}{rest}": integer(value) for rest, value in cached.items() if rest != COMPLETE}
    known = {key: value for key, value in values.items() if value is not None}
    return known if COMPLETE in cached and len(known) == len(values) else None


def pairs(reply: Sequence[str]) -> dict[str, str]:
    """A reply in which names and values take turns."""
    return dict(zip(reply[::2], reply[1::2], strict=True))


class GroupReader(Reader):
    """A read of one group of a counter.

    Nobody knows which keys it has: those that have a row, those of which anything waits, here or in the database, and
    those that the caller's own transaction has changed.

    Args:
        group: the group; for the others see ``Reader``.
    """

    def __init__(
        self, server: RedisServer, shards: Shards, stored: CounterStore, cache_ttl: int, database_only: bool, group: str
    ) -> None:
        super().__init__(server, shards, stored, cache_ttl, database_only)
        self.group = group
        self.shard = shards.of_group(group)
        self.base = shards.base(stored, self.shard)
        self.own = {key for unsent in self.unsent for key in unsent.keys(stored) if split_group(key)[0] == group}

    def group_values(self) -> dict[str, int]:
        """The values of all keys of the group, the caller's own transaction included."""
        try:
            return self._found()
        except BufferUnavailable:
            return self._sums(self.stored.look_at_group(self.group), {}, set())

    def _found(self) -> dict[str, int]:
        may_be_cached = not self.database_only and all(map(self._is_known, self.own))
        for _ in range(TRIES):
            is_cached, *reply = self.server.run("group", self.base, self.group, int(may_be_cached))
            if is_cached and (cached := cached_group(self.group, pairs(*reply))) is not None:
                return self._with_own(dict.fromkeys(self.own, 0) | cached)
            if is_cached:  # by somebody else
                may_be_cached = False
                continue
            snapshot, look = self._told(*reply), self._look_at_group()
            row = look.shards.get(self.shard) or look.shards[0]
            if not snapshot.is_older_than(row):
                break
        return self._all(snapshot, look, row)

    def _told(self, seq: str, version: str, has_batch: int, keys: Sequence[Any]) -> Snapshot:
        held = {key: PendingDeltas(pending, score, rank, bool(asked)) for key, pending, score, rank, asked in keys}
        return Snapshot(seq, version, bool(has_batch), held)

    def _look_at_group(self) -> Snapshot:
        look = self.stored.look_at_group(self.group)
        self.stored.check_layout(look.shards[0], self.shards.layout)
        return look

    def _all(self, snapshot: Snapshot, look: Snapshot, row: ShardProgress) -> dict[str, int]:
        if snapshot.disagrees_with(row) and not self.stored.events:  # only the rows can tell
            return self.stored.true_values_of_group(self.group)
        buffered = {key: held.amount(int(snapshot.seq), row) for key, held in snapshot.keys.items()}
        asked = {key for key, held in snapshot.keys.items() if held.recount_requests}
        values = self._sums(look, buffered, asked)
        is_known = look.backfilled and not (asked or look.pending or self.own or snapshot.disagrees_with(row))
        if is_known and self._may_cache(look) and len(values) <= MOST_CACHED:
            self._fill_group(snapshot, values)
        return values

    def _sums(self, look: Snapshot, buffered: Mapping[str, int], asked: set[str]) -> dict[str, int]:
        """Stored and buffered, but for those keys that must be counted.

        Args:
            look: at the database.
            buffered: what waits in Redis.
            asked: the keys of which a recount was asked for there.
        """
        if not (self.stored.events or look.backfilled):
            return self.stored.true_values_of_group(self.group)
        values = look.in_database([*look.keys, *buffered, *self.own])
        for key, amount in buffered.items():
            values[key] += amount
        values = self._with_own(values)
        unknown = {key for key in self.own if not self._is_known(key)}
        counted = [] if self.stored.events else sorted(asked | look.recount_requests | unknown)
        for part in in_parts(counted):
            values |= self.stored.actual_counts(part)
        return values

    def _fill_group(self, snapshot: Snapshot, values: Mapping[str, int]) -> None:
        arguments: list[Any] = [self.cache_ttl, snapshot.seq, snapshot.version, self.group, len(snapshot.keys)]
        for key, held in snapshot.keys.items():
            arguments += [key, held.pending, held.score, held.rank]
        for key, value in values.items():
            if value:
                arguments += [split_group(key)[1], value]
        self.server.run("fill_group", self.base, *arguments)
