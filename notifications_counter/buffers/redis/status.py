"""What is pending in Redis, and how its server is set up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ...ledger import progress
from ...ledger.store import CounterStore
from ...ledger.tables import Progress
from ..status import Server, Status
from .scripts import Base
from .server import RedisServer
from .shards import Shards

#: Of how many keys of a shard sums and intents are read: a status must cost the server little.
LIMIT = 10_000

#: Keys a call that reads intents: 10,000 would block the server for some 40 ms.
INTENTS_A_CALL = 1000


@dataclass(frozen=True)
class ShardStatus:
    """What one shard holds: keys to be applied, their sum, the batch in flight (0: none) and its size, its server."""

    keys: int
    amount: int | None
    batch: int
    size: int
    server: Server


@dataclass
class Intents:
    """The intents of some keys, and the recounts that were requested."""

    open: int = 0
    flagged: int = 0
    recount_requests: int = 0
    oldest: int | None = None
    cut: bool = False

    def add(self, intents: int, flagged: int, requests: int, oldest: int) -> None:
        self.open += intents
        self.flagged += flagged
        self.recount_requests += requests
        if intents:
            self.oldest = max(oldest, self.oldest or 0)


def redis_status(status: Status, server: RedisServer, shards: Shards, store: CounterStore) -> Status:
    """What the database knows, its ``status``, and what is pending in Redis.

    Raises:
        BufferUnavailable: the server does not answer.
    """
    rows = progress.read_all(store.using, store.label, shards.layout.shards)
    found = [_shard_status(server, shards.base(store, row.shard), row) for row in rows]
    intents = _intents(server, [] if store.events else [shards.base(store, row.shard) for row in rows])
    batches = [_batch(row, shard) for row, shard in zip(rows, found, strict=True)]
    outside = sum(shard.keys for shard in found)
    return replace(
        status,
        keys=status.keys + outside,
        outside=outside,
        amount=_sum([status.amount, *(_read(store, shard.amount) for shard in found)]),
        recount_requests=status.recount_requests + intents.recount_requests,
        intents=intents.open,
        flagged=intents.flagged,
        oldest_intent=intents.oldest,
        cut=intents.cut,
        batch=max(batch for batch, _, _ in batches),
        position=sum(position for _, position, _ in batches),
        size=sum(size for _, _, size in batches),
        servers=tuple({shard.server.run_id: shard.server for shard in found}.values()),
    )


def _read(store: CounterStore, amount: int | None) -> int | Decimal | None:
    return None if amount is None else store.counter.amounts.read(amount)


def _sum(amounts: Sequence[int | Decimal | None]) -> int | Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def _batch(row: Progress, shard: ShardStatus) -> tuple[int, int, int]:
    """Number, position and size of the last batch, of which the database knows nothing before its first chunk."""
    begun = shard.size and shard.batch > row.batch
    return (shard.batch, 0, shard.size) if begun else (row.batch, row.position, row.size)


def _shard_status(server: RedisServer, base: Base, row: Progress) -> ShardStatus:
    seq, size, keys, amount, *info = server.run("status", base, row.batch, row.position, LIMIT)
    return ShardStatus(keys, int(amount) if amount else None, int(seq), size, _server(info))


def _server(info: Sequence[str]) -> Server:
    said = dict(_lines(info))
    # Redis 7 counts snapshots; before that there is only how long the last one took, -1 for none.
    saved = int(said["rdb_saves"]) if "rdb_saves" in said else int(said.get("rdb_last_bgsave_time_sec", -1)) + 1
    return Server(
        run_id=said.get("run_id", ""),
        memory=int(said.get("used_memory", 0)),
        memory_limit=int(said.get("maxmemory", 0)),
        policy=said.get("maxmemory_policy", ""),
        append_only=said.get("aof_enabled") == "1",
        snapshots=saved > 0,
        replicas=int(said.get("connected_slaves", 0)),
    )


def _lines(info: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in "\n".join(info).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            yield name, value


def _intents(server: RedisServer, bases: Sequence[Base]) -> Intents:
    found = Intents()
    for base in bases:
        _add_intents(server, base, found)
    return found


def _add_intents(server: RedisServer, base: Base, found: Intents) -> None:
    for first in range(0, LIMIT, INTENTS_A_CALL):
        last = first + INTENTS_A_CALL - 1
        keys, *numbers = server.run("intents", base, first, last)
        found.add(*numbers)
        if last + 1 >= keys:
            return
    found.cut = True
