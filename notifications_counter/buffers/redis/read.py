"""A read of the Redis buffer: a single cache lookup, or stored plus pending from one consistent snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ...exceptions import BufferMismatch, BufferRefused, BufferUnavailable
from ...ledger.snapshot import ShardProgress, Snapshot, in_parts
from ...ledger.store import CounterStore
from .. import on_commit
from .server import RedisServer
from .shards import Shards

#: How often a reader tries again when a flush came between its two snapshots.
TRIES = 3

#: Keys a call: as many as one statement of the database may name.
KEYS_A_READ = 400


@dataclass(frozen=True)
class PendingDeltas:
    """What is pending in Redis of one key.

    Attributes:
        pending: its delta in the sorted set ``pending``; '' for none.
        score: its delta in the batch; '' for none.
        rank: its place there; '' for none.
        recount_requested: whether a recount of it was requested.
    """

    pending: str
    score: str
    rank: str
    recount_requested: bool = False

    def amount(self, seq: int, shard: ShardProgress) -> int:
        """The sum of what is pending, less what the database has already applied of the batch ``seq``."""
        applied = self.rank != "" and shard.batch == seq and int(self.rank) < shard.position
        return number(self.pending) + (0 if applied else number(self.score))


@dataclass(frozen=True)
class ShardSnapshot:
    """What is pending in Redis of some keys of a shard, at one moment."""

    seq: str
    version: str
    has_batch: bool
    keys: dict[str, PendingDeltas]

    def is_older_than(self, shard: ShardProgress) -> bool:
        """Whether the database has already applied a later batch than the one that was seen."""
        return shard.batch > int(self.seq)

    def is_newer_than(self, shard: ShardProgress) -> bool:
        """Whether a batch was applied and let go of that the database, seen in an old state, does not include."""
        seq, is_applied = int(self.seq), shard.position >= shard.size
        if shard.batch == seq:
            return not (self.has_batch or is_applied)
        return not (self.has_batch and shard.batch == seq - 1 and is_applied)

    def disagrees_with(self, shard: ShardProgress) -> bool:
        return self.is_older_than(shard) or self.is_newer_than(shard)


def integer(value: Any) -> int | None:
    """A cached value; None where there is none, or something else by that name."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def number(score: str) -> int:
    return int(float(score)) if score else 0


def cache_name(base: str, key: str) -> str:
    """What the cached value of a key is called."""
    return f"{base}:total:{key}"


def cache_names(base: str, keys: Sequence[str]) -> list[str]:
    """The same of many keys."""
    return [cache_name(base, key) for key in keys]


def cached_values(keys: Sequence[str], replies: Sequence[Any]) -> dict[str, int]:
    """The cached values of those keys that have one."""
    values = zip(keys, map(integer, replies), strict=True)
    return {key: value for key, value in values if value is not None}


class Reader:
    """Reads of one counter.

    A count of the source's rows sees what the caller's own transaction has done; to every other answer the deltas are
    added that it has not sent yet.

    Args:
        server: what holds the deltas.
        shards: of which shard a key is.
        store: the counter, on one database alias.
        cache_ttl: for how many seconds a value is cached.
        database_only: whether new deltas go to the database, so that nothing cached may be read.
    """

    def __init__(
        self, server: RedisServer, shards: Shards, store: CounterStore, cache_ttl: int, database_only: bool
    ) -> None:
        self.server = server
        self.shards = shards
        self.store = store
        self.cache_ttl = cache_ttl
        self.database_only = database_only
        self.unsent = on_commit.of(store)

    def values(self, keys: Sequence[str]) -> dict[str, int]:
        """The values of keys, the caller's own transaction included."""
        found: dict[str, int] = {}
        for shard, part in self.shards.split(self.store, keys, KEYS_A_READ):
            found |= self._shard_values(shard, part)
        return found

    def _shard_values(self, shard: int, keys: Sequence[str]) -> dict[str, int]:
        try:
            found = self._cached(shard, keys)
            missing = [key for key in keys if key not in found]
            return found | self._computed(shard, missing) if missing else found
        except BufferRefused:
            return self._uncached(shard, keys)
        except (BufferUnavailable, BufferMismatch):
            return self._from_database(keys)

    def _uncached(self, shard: int, keys: Sequence[str]) -> dict[str, int]:
        """What is cached is missing, or stale because the server takes no writes. It may still say what is pending."""
        try:
            return self._computed(shard, keys)
        except BufferRefused:
            return self._from_database(keys) if self.store.events else self._counted(keys)
        except (BufferUnavailable, BufferMismatch):
            return self._from_database(keys)

    def _counted(self, keys: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for part in in_parts(keys):
            found |= self.store.actual_counts(part)
        return found

    def _cached(self, shard: int, keys: Sequence[str]) -> dict[str, int]:
        if self.unsent or self.database_only or not self.store.is_agreed:
            keys = [key for key in keys if self._may_be_cached(key)]
        base = self.shards.base(self.store, shard)
        names = cache_names(base, keys)
        return self._with_own(cached_values(keys, self.server.get_many_cached(base, names))) if names else {}

    def ask(self, key: str) -> dict[str, int] | ShardSnapshot:
        """What is cached of a key; what is pending where nothing is.

        Raises:
            BufferUnavailable: the server does not answer.
        """
        shard = self.shards.of(self.store, key)
        return self._cached(shard, [key]) or self._read_redis(shard, [key])

    def conclude(self, key: str, in_redis: ShardSnapshot, in_database: Snapshot) -> dict[str, int] | None:
        """The value of a key, by what Redis said and the database was seen to have since; None where that was too late.

        Raises:
            BufferMismatch: deltas may be pending elsewhere.
        """
        shard = self.shards.of(self.store, key)
        self.store.check_layout(in_database.shards[0], self.shards.layout)
        row = in_database.shards.get(shard) or in_database.shards[0]
        return None if in_redis.is_older_than(row) else self._worked_out(shard, in_redis, in_database, row, [key])

    def compute(self, key: str) -> int:
        """The value of one key that is not cached."""
        return self._uncached(self.shards.of(self.store, key), [key])[key]

    def _may_be_cached(self, key: str) -> bool:
        """Whether a cached value lacks nothing but deltas of the open transaction that are known."""
        return self._is_known(key) and self._may_read_cache()

    def _may_read_cache(self) -> bool:
        """Not while new deltas go to the database, or what is cached may mean something else than is declared."""
        return self.store.is_agreed and not self.database_only

    def _is_known(self, key: str) -> bool:
        return all(unsent.is_known(self.store, key) for unsent in self.unsent)

    def _with_own(self, values: dict[str, int]) -> dict[str, int]:
        if not self.unsent:
            return values
        return {key: value + sum(own.sum(self.store, key) for own in self.unsent) for key, value in values.items()}

    def _computed(self, shard: int, keys: Sequence[str]) -> dict[str, int]:
        for _ in range(TRIES):
            in_redis, in_database = self._read_redis(shard, keys), self._read_database(keys)
            row = in_database.shards.get(shard) or in_database.shards[0]
            if not in_redis.is_older_than(row):
                break
        return self._worked_out(shard, in_redis, in_database, row, keys)

    def _worked_out(
        self, shard: int, in_redis: ShardSnapshot, in_database: Snapshot, row: ShardProgress, keys: Sequence[str]
    ) -> dict[str, int]:
        values = {key: self._sum(in_database, row, in_redis, key) for key in keys}
        counted = self._keys_to_count(in_database, row, in_redis, keys)
        known = {key: value for key, value in values.items() if key not in counted}
        if self._may_cache(in_database) and not in_redis.disagrees_with(row):
            self._fill_cache(
                shard, in_redis, {key: value for key, value in known.items() if key not in in_database.pending}
            )
        return self._with_own(known) | (self.store.actual_counts(counted) if counted else {})

    def _may_cache(self, in_database: Snapshot) -> bool:
        """Not while others may leave pending deltas in the database alone, and flush them past the cache."""
        is_open = in_database.shards[0].prefix != "" and not self.database_only
        return is_open and self.store.connection.get_autocommit()

    def _keys_to_count(
        self, in_database: Snapshot, row: ShardProgress, in_redis: ShardSnapshot, keys: Sequence[str]
    ) -> list[str]:
        # A transaction sees the database in an old state, or flushes came between three times: the rows still tell.
        if in_redis.disagrees_with(row) and not self.store.events:
            return list(keys)
        requested = [key for key in keys if in_redis.keys[key].recount_requested or not self._is_known(key)]
        return list(dict.fromkeys([*requested, *self.store.keys_to_count(in_database, keys)]))

    def _read_database(self, keys: Sequence[str]) -> Snapshot:
        in_database = self.store.snapshot(keys)
        self.store.check_layout(in_database.shards[0], self.shards.layout)
        return in_database

    def _sum(self, in_database: Snapshot, row: ShardProgress, in_redis: ShardSnapshot, key: str) -> int:
        return in_database.in_database([key])[key] + in_redis.keys[key].amount(int(in_redis.seq), row)

    def _read_redis(self, shard: int, keys: Sequence[str]) -> ShardSnapshot:
        seq, version, has_batch, *rest = self.server.run("snapshot", self.shards.base(self.store, shard), *keys)
        pending = (
            PendingDeltas(pending, score, str(rank), bool(requested))
            for pending, score, rank, requested in in_parts(rest, 4)
        )
        return ShardSnapshot(seq, version, bool(has_batch), dict(zip(keys, pending, strict=True)))

    def _fill_cache(self, shard: int, in_redis: ShardSnapshot, values: dict[str, int]) -> None:
        arguments: list[Any] = [self.cache_ttl, in_redis.seq, in_redis.version]
        for key, value in values.items():
            pending = in_redis.keys[key]
            arguments += [key, pending.pending, pending.score, pending.rank, value]
        if values:
            with suppress(BufferUnavailable):  # the values are right all the same
                self.server.run("fill", self.shards.base(self.store, shard), *arguments)

    def _from_database(self, keys: Sequence[str]) -> dict[str, int]:
        """Redis does not answer: what is stored, and what is pending in the database; or it is not the place to ask."""
        found: dict[str, int] = {}
        for part in in_parts(keys):
            snapshot = self.store.snapshot(part)
            counted = [key for key in part if not self._is_known(key)]
            counted += self.store.keys_to_count(snapshot, part, self._sees_all(snapshot))
            found |= self._with_own(snapshot.in_database(part))
            found |= self.store.actual_counts(counted) if counted else {}
        return found

    def _sees_all(self, in_database: Snapshot) -> bool:
        """Whether no deltas may be pending where nobody looks, because of the settings or of the database."""
        return self.store.sees_all(in_database.shards[0], self.shards.layout)
