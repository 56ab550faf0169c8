"""A read of the Redis buffer: the cached total, or stored and buffered from one consistent look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...exceptions import BufferUnavailable
from ...ledger.snapshot import Snapshot, ShardProgress, in_database, in_parts
from ...ledger.store import CounterStore
from .. import on_commit
from .server import RedisServer
from .shards import Shards

#: How often a reader looks again when a flush came between its two looks.
TRIES = 3

#: Keys a call: as many as one statement of the database may name.
KEYS_A_READ = 400


@dataclass(frozen=True)
class PendingDeltas:
    """What Redis holds of a key: its pending delta, its delta in the batch, and its place there; '' for none.

    Attributes:
        asked: whether a recount of it was asked for.
    """

    pending: str
    score: str
    rank: str
    asked: bool = False

    def buffered(self, seq: int, shard: ShardProgress) -> int:
        applied = self.rank != "" and shard.batch == seq and int(self.rank) < shard.position
        return number(self.pending) + (0 if applied else number(self.score))


@dataclass(frozen=True)
class ShardSnapshot:
    """What Redis holds of some keys of a shard, at one moment."""

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


def integer(total: Any) -> int | None:
    """A cached value; None where there is none, or something else by that name."""
    try:
        return int(total)
    except (TypeError, ValueError):
        return None


def number(score: str) -> int:
    return int(float(score)) if score else 0


def total_names(base: str, keys: Sequence[str]) -> list[str]:
    """What the cached values of keys are called."""
    return [f"{base}:total:{key}" for key in keys]


def numbers(keys: Sequence[str], totals: Sequence[Any]) -> dict[str, int]:
    """The cached values of those keys that have one."""
    values = zip(keys, map(integer, totals), strict=True)
    return {key: value for key, value in values if value is not None}


class Reader:
    """Reads of one counter.

    A count of the source's rows sees what the caller's own transaction has done; to every other answer the deltas are
    added that it has not sent yet.

    Args:
        server: what holds the deltas.
        shards: of which shard a key is.
        stored: the counter, on one database alias.
        cache_ttl: for how many seconds a value is cached.
        database_only: whether deltas wait in the database alone, so that nothing cached may be read.
    """

    def __init__(self, server: RedisServer, shards: Shards, stored: CounterStore, cache_ttl: int, database_only: bool) -> None:
        self.server = server
        self.shards = shards
        self.stored = stored
        self.cache_ttl = cache_ttl
        self.database_only = database_only
        self.unsent = on_commit.current(stored.connection)

    def values(self, keys: Sequence[str]) -> dict[str, int]:
        """The values of keys, the caller's own transaction included."""
        found: dict[str, int] = {}
        for shard, part in self.shards.split(self.stored, keys, KEYS_A_READ):
            found |= self._shard_values(shard, part)
        return found

    def _shard_values(self, shard: int, keys: Sequence[str]) -> dict[str, int]:
        try:
            found = self._cached(shard, keys)
            missing = [key for key in keys if key not in found]
            return found | self._computed(shard, missing) if missing else found
        except BufferUnavailable:
            return self._from_database(keys)

    def _cached(self, shard: int, keys: Sequence[str]) -> dict[str, int]:
        if self.unsent or self.database_only:
            keys = [key for key in keys if self._may_be_cached(key)]
        names = total_names(self.shards.base(self.stored, shard), keys)
        return self._with_own(numbers(keys, self.server.get_many(names))) if names else {}

    def value(self, key: str) -> int:
        """The value of one key: where it is cached, and nobody's transaction is in the way, one GET answers."""
        if self.unsent or self.database_only:
            return self.values([key])[key]
        shard = self.shards.of(self.stored, key)
        try:
            total = integer(self.server.get(*total_names(self.shards.base(self.stored, shard), [key])))
            return self._computed(shard, [key])[key] if total is None else total
        except BufferUnavailable:
            return self._from_database([key])[key]

    def _may_be_cached(self, key: str) -> bool:
        """Whether a cached value lacks nothing but deltas of the open transaction that are known."""
        return self._is_known(key) and not self.database_only

    def _is_known(self, key: str) -> bool:
        return all(unsent.is_known(self.stored, key) for unsent in self.unsent)

    def _with_own(self, values: dict[str, int]) -> dict[str, int]:
        if not self.unsent:
            return values
        return {key: value + sum(own.sum(self.stored, key) for own in self.unsent) for key, value in values.items()}

    def _computed(self, shard: int, keys: Sequence[str]) -> dict[str, int]:
        for _ in range(TRIES):
            snapshot, look = self._snapshot(shard, keys), self._look(keys)
            row = look.shards.get(shard) or look.shards[0]
            if not snapshot.is_older_than(row):
                break
        return self._worked_out(shard, snapshot, look, row, keys)

    def _worked_out(
        self, shard: int, snapshot: ShardSnapshot, look: Snapshot, row: ShardProgress, keys: Sequence[str]
    ) -> dict[str, int]:
        values = {key: self._sum(look, row, snapshot, key) for key in keys}
        counted = self._must_be_counted(look, row, snapshot, keys)
        known = {key: value for key, value in values.items() if key not in counted}
        if self._may_cache(look) and not snapshot.disagrees_with(row):
            self._fill(shard, snapshot, {key: value for key, value in known.items() if key not in look.pending})
        return self._with_own(known) | (self.stored.actual_counts(counted) if counted else {})

    def _may_cache(self, look: Snapshot) -> bool:
        """Not while others may let deltas wait in the database alone, and flush them past the cache."""
        is_open = look.shards[0].prefix != "" and not self.database_only
        return is_open and self.stored.connection.get_autocommit()

    def _must_be_counted(self, look: Snapshot, row: ShardProgress, snapshot: ShardSnapshot, keys: Sequence[str]) -> list[str]:
        # A transaction sees the database in an old state, or flushes came between three times: the rows still tell.
        if snapshot.disagrees_with(row) and not self.stored.events:
            return list(keys)
        asked = [key for key in keys if snapshot.keys[key].recount_requested or not self._is_known(key)]
        return list(dict.fromkeys([*asked, *self.stored.keys_to_count(look, keys)]))

    def _look(self, keys: Sequence[str]) -> Snapshot:
        look = self.stored.snapshot(keys)
        self.stored.check_layout(look.shards[0], self.shards.layout)
        return look

    def _sum(self, look: Snapshot, row: ShardProgress, snapshot: ShardSnapshot, key: str) -> int:
        return look.in_database([key])[key] + snapshot.keys[key].amount(int(snapshot.seq), row)

    def _snapshot(self, shard: int, keys: Sequence[str]) -> ShardSnapshot:
        seq, version, has_batch, *rest = self.server.run("snapshot", self.shards.base(self.stored, shard), *keys)
        held = (PendingDeltas(pending, score, str(rank), bool(asked)) for pending, score, rank, asked in in_parts(rest, 4))
        return ShardSnapshot(seq, version, bool(has_batch), dict(zip(keys, held, strict=True)))

    def _fill(self, shard: int, snapshot: ShardSnapshot, values: dict[str, int]) -> None:
        arguments: list[Any] = [self.cache_ttl, snapshot.seq, snapshot.version]
        for key, value in values.items():
            held = snapshot.keys[key]
            arguments += [key, held.pending, held.score, held.rank, value]
        if values:
            self.server.run("fill", self.shards.base(self.stored, shard), *arguments)

    def _from_database(self, keys: Sequence[str]) -> dict[str, int]:
        """Redis does not answer: what is stored, and what waits in the database."""
        found: dict[str, int] = {}
        for part in in_parts(keys):
            look = self.stored.snapshot(part)
            counted = [key for key in part if not self._is_known(key)]
            counted += self.stored.keys_to_count(look, part)
            found |= self._with_own(look.in_database(part))
            found |= self.stored.actual_counts(counted) if counted else {}
        return found
