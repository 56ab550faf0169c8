"""The status of a counter: what is pending, what its last flush did, and how its server is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Server:
    """What a Redis server says of itself.

    Attributes:
        run_id: which run of the server it is.
        memory: how many bytes it uses.
        memory_limit: how many it may use; 0 for no limit.
        policy: what it does at the limit, its ``maxmemory-policy``.
        append_only: whether it writes an append-only file.
        snapshots: whether it has written a snapshot since it was started.
        replicas: how many replicas are connected to it.
    """

    run_id: str
    memory: int
    memory_limit: int
    policy: str
    append_only: bool
    snapshots: bool
    replicas: int

    @property
    def evicts(self) -> bool:
        """Whether it may remove deltas when its memory is full."""
        return self.policy.startswith("allkeys-")

    @property
    def persists(self) -> bool:
        """Whether it is known to write its data to a disk."""
        return self.append_only or self.snapshots


@dataclass(frozen=True)
class Status:
    """What is pending of a counter, and what its last flush did. While a flush runs, the parts are not of one moment.

    Attributes:
        label: the counter.
        using: the database alias.
        buffer: the alias of its buffer.
        at: when this was read.
        problem: why this is not all, a sentence; empty where nothing is wrong. If the buffer's server does not answer,
            the rest is what the database knows, and None stands for what only the server does.
        keys: how many keys have pending deltas; a key counts in each place where it has some.
        outside: how many of those are pending outside the database, in Redis.
        rows: how many deltas are pending in the database.
        amount: the sum of all pending deltas; None where it is not known, as of more than 10,000 keys in Redis.
        recount_requests: how many recounts were requested and not done yet.
        intents: how many transactions have left an intent and not pushed yet; one counts for each of its keys.
        flagged: how many of those intents a recount has seen already.
        oldest_intent: how many seconds ago the oldest of them was left that no recount has seen; 0 where each was seen,
            None where there is none.
        cut: whether the intents of only 10,000 keys in each shard were read, so that there may be more, and older.
        batch: the number of the last batch that was begun.
        position: how many keys of that batch have been applied.
        size: how many keys it has.
        backfilled: whether the source has been counted once.
        lost_at: when a flush noticed that the server had lost data, until all keys have been recounted since.
        flushed_at: when the last flush ended.
        flushed_keys: how many keys' sums it added.
        flushed_seconds: how long it took.
        audited_at: when the audit last recounted keys.
        audited_to: how far it has come, ``rows:KEY`` in the source or ``counts:KEY`` in the count model; None at the
            end of a round.
        audit_keys: how many counts there were when this round began.
        drift_at: when the audit last found wrong counts.
        drift_keys: how many it found then.
        drift_amount: by how much they were wrong, without signs.
        declaration: how the declaration that makes the stored counts differs from that of this process, a sentence;
            empty where it does not.
        refused: the first keys that were set aside, because the count model's table refuses their counts, and why.
        database: who the database is, the first eight characters of its id; empty for a copy that no flush has noticed.
        copied_at: when it was noticed last that the database is a copy of another one, or was given another id.
        copy: what that came to, a sentence or two.
        servers: the servers that hold the buffer, one for each node of a cluster that does.
    """

    label: str
    using: str
    buffer: str
    at: datetime
    problem: str = ""
    keys: int = 0
    outside: int | None = 0
    rows: int = 0
    amount: int | Decimal | None = 0
    recount_requests: int = 0
    intents: int | None = 0
    flagged: int | None = 0
    oldest_intent: int | None = None
    cut: bool = False
    batch: int = 0
    position: int = 0
    size: int = 0
    backfilled: bool = False
    lost_at: datetime | None = None
    flushed_at: datetime | None = None
    flushed_keys: int = 0
    flushed_seconds: float = 0.0
    audited_at: datetime | None = None
    audited_to: str | None = None
    audit_keys: int = 0
    drift_at: datetime | None = None
    drift_keys: int = 0
    drift_amount: int | Decimal = 0
    declaration: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    database: str = ""
    copied_at: datetime | None = None
    copy: str = ""
    servers: tuple[Server, ...] = ()

    @property
    def flush_age(self) -> float | None:
        """How many seconds ago the last flush ended; None if there was none."""
        return self._age(self.flushed_at)

    @property
    def drift_age(self) -> float | None:
        """How many seconds ago the audit last found wrong counts; None if it never did."""
        return self._age(self.drift_at)

    def _age(self, moment: datetime | None) -> float | None:
        return None if moment is None else max((self.at - moment).total_seconds(), 0.0)
