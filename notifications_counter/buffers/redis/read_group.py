"""A read of a whole group of composite keys: the cached values, or stored and buffered from one consistent look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ...declaration.key_text import ESCAPE, SEPARATOR, split_group
from ...exceptions import BufferMismatch, BufferRefused, BufferUnavailable
from ...ledger.snapshot import ShardProgress, Snapshot, in_parts
from ...ledger.store import CounterStore
from .read import TRIES, PendingDeltas, Reader, ShardSnapshot, integer
from .server import RedisServer
from .shards import Shards

#: The field of a cached group that is there even if the group has no values; no text begins with it alone.
COMPLETE = ESCAPE

#: A group with more keys is not cached: to cache or to read it would keep the server from others for too long.
MOST_CACHED = 5_000


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
        self, server: RedisServer, shards: Shards, store: CounterStore, cache_ttl: int, database_only: bool, group: str
    ) -> None:
        super().__init__(server, shards, store, cache_ttl, database_only)
        self.group = group
        self.shard = shards.of_group(group)
        self.own = {key for unsent in self.unsent for key in unsent.keys(store) if split_group(key)[0] == group}

    def group_values(self) -> dict[str, int]:
        """The values of all keys of the group, the caller's own transaction included."""
        may_be_cached = self._may_read_cache() and all(map(self._is_known, self.own))
        try:
            return self._found(may_be_cached)
        except BufferRefused:
            return self._uncached_group()
        except (BufferUnavailable, BufferMismatch):
            return self._group_from_database()

    def ask(self, key: str) -> dict[str, int] | ShardSnapshot:
        """The same of the group, which is the key here."""
        may_be_cached = self._may_read_cache() and all(map(self._is_known, self.own))
        is_cached, *reply = self._ask(may_be_cached)
        if is_cached and (cached := cached_group(self.group, pairs(*reply))) is not None:
            return self._with_own(dict.fromkeys(self.own, 0) | cached)
        return self._told(*(self._ask(may_be_cached=False)[1:] if is_cached else reply))

    def conclude(self, key: str, in_redis: ShardSnapshot, in_database: Snapshot) -> dict[str, int] | None:
        """The same of the group, which is the key here."""
        self.store.check_layout(in_database.shards[0], self.shards.layout)
        row = in_database.shards.get(self.shard) or in_database.shards[0]
        return None if in_redis.is_older_than(row) else self._all(in_redis, in_database, row)

    def _uncached_group(self) -> dict[str, int]:
        """The server takes no writes, so that what is cached is stale. It may still say what is pending."""
        try:
            return self._found(may_be_cached=False)
        except BufferRefused:
            is_counted = not self.store.events
            return self.store.actual_counts_of_group(self.group) if is_counted else self._group_from_database()
        except (BufferUnavailable, BufferMismatch):
            return self._group_from_database()

    def _group_from_database(self) -> dict[str, int]:
        in_database = self.store.group_snapshot(self.group)
        if not (self.store.events or self._sees_all(in_database)):
            return self.store.actual_counts_of_group(self.group)
        return self._sums(in_database, {}, set())

    def _found(self, may_be_cached: bool) -> dict[str, int]:
        for _ in range(TRIES):
            is_cached, *reply = self._ask(may_be_cached)
            if is_cached and (cached := cached_group(self.group, pairs(*reply))) is not None:
                return self._with_own(dict.fromkeys(self.own, 0) | cached)
            if is_cached:  # by somebody else
                reply = self._ask(may_be_cached=False)[1:]
            in_redis, in_database = self._told(*reply), self._group_in_database()
            row = in_database.shards.get(self.shard) or in_database.shards[0]
            if not in_redis.is_older_than(row):
                break
        return self._all(in_redis, in_database, row)

    def _ask(self, may_be_cached: bool) -> Any:
        base, step = self.shards.base(self.store, self.shard), "cached" if may_be_cached else "group"
        return self.server.run("group", base, self.group, int(may_be_cached), step=step)

    def _told(self, seq: str, version: str, has_batch: int, keys: Sequence[Any]) -> ShardSnapshot:
        pending = {
            key: PendingDeltas(pending, score, rank, bool(requested)) for key, pending, score, rank, requested in keys
        }
        return ShardSnapshot(seq, version, bool(has_batch), pending)

    def _group_in_database(self) -> Snapshot:
        in_database = self.store.group_snapshot(self.group)
        self.store.check_layout(in_database.shards[0], self.shards.layout)
        return in_database

    def _all(self, in_redis: ShardSnapshot, in_database: Snapshot, row: ShardProgress) -> dict[str, int]:
        if in_redis.disagrees_with(row) and not self.store.events:  # only the rows can tell
            return self.store.actual_counts_of_group(self.group)
        pending = {key: one.amount(int(in_redis.seq), row) for key, one in in_redis.keys.items()}
        requested = {key for key, one in in_redis.keys.items() if one.recount_requested}
        values = self._sums(in_database, pending, requested)
        is_sure = in_database.backfilled and not (requested or self.own or in_redis.disagrees_with(row))
        if is_sure and not in_database.pending and self._may_cache(in_database) and len(values) <= MOST_CACHED:
            self._fill_group(in_redis, values)
        return values

    def _sums(self, in_database: Snapshot, pending: Mapping[str, int], requested: set[str]) -> dict[str, int]:
        """Stored and pending, but for those keys that must be counted.

        Args:
            in_database: what the database knows.
            pending: what is pending in Redis.
            requested: the keys of which a recount was requested there.
        """
        if not (self.store.events or in_database.backfilled):
            return self.store.actual_counts_of_group(self.group)
        values = in_database.in_database([*in_database.keys, *pending, *self.own])
        for key, amount in pending.items():
            values[key] += amount
        values = self._with_own(values)
        unknown = {key for key in self.own if not self._is_known(key)}
        counted = [] if self.store.events else sorted(requested | in_database.recount_requests | unknown)
        for part in in_parts(counted):
            values |= self.store.actual_counts(part)
        return values

    def _fill_group(self, in_redis: ShardSnapshot, values: Mapping[str, int]) -> None:
        arguments: list[Any] = [self.cache_ttl, in_redis.seq, in_redis.version, self.group, len(in_redis.keys)]
        for key, one in in_redis.keys.items():
            arguments += [key, one.pending, one.score, one.rank]
        for key, value in values.items():
            if value:
                arguments += [split_group(key)[1], value]
        with suppress(BufferUnavailable):  # the values are right all the same
            self.server.run("fill_group", self.shards.base(self.store, self.shard), *arguments)
