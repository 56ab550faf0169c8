"""What every buffer does. ``tests/buffers/contract.py`` holds each of them to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage
from django.utils import timezone

from ..conf import is_integer
from ..exceptions import InvalidSettings, unknown
from ..ledger import deltas as waiting
from ..ledger import progress
from ..ledger.progress import Layout
from ..ledger.snapshot import RecountResult
from ..ledger.store import CounterStore
from .status import Status

#: What the progress rows of all shards of a counter say alike, under the names that a status has for it.
SAME_IN_ALL_SHARDS = (
    *("backfilled", "lost_at", "flushed_at", "flushed_keys", "flushed_seconds"),
    *("audited_at", "audited_to", "audit_keys", "drift_at", "drift_keys", "drift_amount"),
)


@dataclass(frozen=True)
class Claim:
    """A batch that a flush may apply.

    Attributes:
        batch: the number of the last batch.
        size: how many keys it has; 0 where nothing is buffered.
        run_id: which run of the server holds it.
        lost: what of earlier data is missing, or nothing.
    """

    batch: int
    size: int
    run_id: str
    lost: str = ""


@dataclass(frozen=True)
class Chunk:
    """A part of the claimed batch: its number (None where there is none), its size, and some of its members."""

    batch: int | None
    size: int
    members: Sequence[tuple[str, str]]


class Buffer:
    """A place where deltas wait.

    Args:
        alias: the buffer's alias in the settings.
        options: ``OPTIONS`` of the settings.

    Raises:
        InvalidSettings: an option is unknown or has a wrong value.
    """

    #: Option -> default. Of every buffer: how many keys one transaction applies.
    defaults: ClassVar[Mapping[str, Any]] = {"CHUNK_SIZE": 10_000}

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        self.alias = alias
        for name in options:
            if name not in self.defaults:
                raise InvalidSettings(f"Buffer {alias!r}: {unknown('option', name, self.defaults)}")
        self.options = {**self.defaults, **options}
        self.chunk = self.at_least("CHUNK_SIZE", 1)
        self.layout = Layout()
        #: Whether new deltas must wait in the database, whatever the layout is.
        self.database_only = False

    @property
    def new_layout(self) -> Layout:
        """Where deltas of a counter that is new here may wait from the beginning."""
        return Layout() if self.database_only else self.layout

    def at_least(self, name: str, least: int) -> int:
        """An option that must be an integer of at least so much."""
        value = self.options[name]
        if not is_integer(value) or value < least:
            raise InvalidSettings(
                f"Buffer {self.alias!r}: {name} must be an integer of at least {least}, not {value!r}."
            )
        return int(value)

    def check(self) -> list[CheckMessage]:
        """Messages for Django's system checks."""
        return []

    def close(self) -> None:
        """Let go of connections: the settings have changed."""

    async def aclose(self) -> None:
        """Let go of the connections of the event loop that runs, before it ends."""

    # Moves between buffers

    def open(self, stored: CounterStore) -> None:
        """Note for all processes that deltas may wait in this layout from now on."""

    def close_down(self, stored: CounterStore) -> None:
        """It has been noted that none may wait here any more: end what does not know it, forget what is cached."""

    # Writes and reads

    def add(self, stored: CounterStore, sums: Mapping[str, int | None]) -> None:
        """Take deltas of the caller's transaction: after its commit they are counted, after its rollback not."""
        raise NotImplementedError

    def values(self, stored: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        """Stored and buffered, of each key, the caller's own transaction included."""
        raise NotImplementedError

    def value(self, stored: CounterStore, key: str) -> int:
        """The same of one key: the read that every page makes."""
        return self.values(stored, [key])[key]

    async def avalues(self, stored: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        """The same for asynchronous callers: in a thread, where the buffer knows nothing better."""
        return await sync_to_async(self.values)(stored, keys)

    async def avalue(self, stored: CounterStore, key: str) -> int:
        """The same of one key."""
        return await sync_to_async(self.value)(stored, key)

    def group_values(self, stored: CounterStore, group: str) -> dict[str, int]:
        """Stored and buffered, of each key of a group that has any, the caller's own transaction included.

        Args:
            stored: a counter with composite keys, on one database alias.
            group: the first part of the keys, as ``Keys.group`` writes it.
        """
        raise NotImplementedError

    async def agroup_values(self, stored: CounterStore, group: str) -> dict[str, int]:
        """The same for asynchronous callers: in a thread, where the buffer knows nothing better."""
        return await sync_to_async(self.group_values)(stored, group)

    def clear_cache(self, stored: CounterStore) -> None:
        """Nothing that is cached of a counter may be right any more."""

    def status(self, stored: CounterStore) -> Status:
        """What waits, and what the last flush did.

        Raises:
            BufferUnavailable: the buffer's server does not answer.
        """
        return self.database_status(stored)

    def database_status(self, stored: CounterStore) -> Status:
        """What the database knows of it."""
        shards = self.layout.shards
        stored.ensure_progress(shards)
        rows = progress.read_all(stored.using, stored.label, shards)
        waits = waiting.summary(stored.using, stored.label)
        return Status(
            label=stored.label,
            using=stored.using,
            buffer=self.alias,
            at=timezone.now(),
            keys=waits.keys,
            rows=waits.rows,
            amount=waits.amount,
            asked=waits.recount_requests,
            batch=max(row.batch for row in rows),
            position=sum(row.position for row in rows),
            size=sum(row.size for row in rows),
            **{name: getattr(rows[0], name) for name in SAME_IN_ALL_SHARDS},
        )

    # Recounts

    def request_recount(self, stored: CounterStore, keys: Sequence[str]) -> None:
        """Ask for a recount of keys, in the caller's transaction."""
        raise NotImplementedError

    def due(self, stored: CounterStore, shard: int, limit: int) -> list[str]:
        """Keys that await a recount elsewhere than in the database."""
        return []

    def intended(self, stored: CounterStore) -> set[str]:
        """Keys of which deltas may be on their way that were committed already."""
        return set()

    def freeze(self, stored: CounterStore, keys: Sequence[str]) -> None:
        """Writers leave a recount no gap: let their deltas wait in the database for a while, where none is needed."""

    def pending_keys(self, stored: CounterStore) -> set[str]:
        """The keys of which deltas wait."""
        return waiting.keys(stored.using, stored.label)

    def recount(self, stored: CounterStore, keys: Sequence[str], correct: bool = True) -> dict[str, RecountResult]:
        """Count the source again for a few keys, and correct what differs, if nothing comes between.

        Args:
            keys: at most ``BATCH`` keys.
            correct: false to change nothing.

        Returns:
            What was found; keys that are missing here must be tried again.
        """
        raise NotImplementedError

    # The flush

    def invalidate(self, stored: CounterStore, keys: Iterable[str]) -> None:
        """Deltas that waited in the database are about to be applied: forget what is cached of their keys."""

    def claim(self, stored: CounterStore, shard: int, known: ProgressSnapshot) -> Claim:
        """Take all that waits outside the database as one batch, or resume the one that was begun."""
        return Claim(0, 0, "")

    def slice(self, stored: CounterStore, shard: int, position: int, length: int) -> Chunk:
        """Part of the claimed batch."""
        raise NotImplementedError

    def acknowledge(self, stored: CounterStore, shard: int, batch: int) -> None:
        """A batch has been applied: let go of it."""
        raise NotImplementedError


@dataclass(frozen=True)
class ProgressSnapshot:
    """What the database knows of a shard before a claim."""

    run_id: str
    batch: int
    position: int
    size: int
