"""What every buffer does. ``tests/buffers/contract.py`` holds each of them to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage
from django.db import Error as DatabaseError
from django.db import models
from django.utils import timezone

from ..conf import is_integer
from ..exceptions import CounterError, InvalidSettings, unknown
from ..ledger import declared, deltas, identity, progress, refused
from ..ledger.progress import Layout
from ..ledger.snapshot import RecountResult, in_parts
from ..ledger.store import CounterStore
from ..ledger.together import Wanted
from .status import Status

#: What the progress rows of all shards of a counter say alike, under the names that a status has for it.
SAME_IN_ALL_SHARDS = (
    *("backfilled", "lost_at", "flushed_at", "flushed_keys", "flushed_seconds"),
    *("audited_at", "audited_to", "audit_keys", "drift_at", "drift_keys"),
)


@dataclass(frozen=True)
class Claim:
    """A batch that a flush may apply.

    Attributes:
        batch: the number of the last batch.
        size: how many keys it has; 0 where nothing is pending.
        run_id: which run of the server holds it.
        lost: what of earlier data is missing, or nothing.
    """

    batch: int
    size: int
    run_id: str
    lost: str = ""


@dataclass(frozen=True)
class Chunk:
    """The part of a claimed batch that one transaction applies.

    Attributes:
        batch: the number of the batch; None where there is none.
        size: how many members the batch has.
        members: key and sum of each member of this part.
    """

    batch: int | None
    size: int
    members: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class ProgressSnapshot:
    """What the database knows of a shard before a claim."""

    run_id: str
    batch: int
    position: int
    size: int


class Subscription(Protocol):
    """Hears what other processes publish of a counter. All calls come from one thread.

    Attributes:
        waits: whether ``messages`` itself waits for some; else ``fileno`` becomes readable.
    """

    waits: bool

    def fileno(self) -> int | None:
        """What becomes readable with the next message; None while nothing is heard."""

    def messages(self, timeout: float) -> list[str] | None:
        """What has come; None where messages may have been lost, such as after a connection was cut.

        Args:
            timeout: for how many seconds to wait at most where there is nothing yet, if it waits.
        """

    def close(self) -> None:
        """Let go of the connection."""


@dataclass(frozen=True)
class Together:
    """What was read of several counters.

    Attributes:
        values: key -> value, in units, for each of them.
        epoch: of the first of them; see ``Buffer.epoch``.
        rows: how many further rows were counted; None where none were to be.
        at_one_moment: whether nothing can have changed between them.
    """

    values: Sequence[dict[str, int]]
    epoch: str
    rows: int | None
    at_one_moment: bool


class Buffer:
    """A place where deltas are pending. What it can do, it says by its class attributes.

    Args:
        alias: the buffer's alias in the settings.
        options: ``OPTIONS`` of the settings.

    Raises:
        InvalidSettings: an option is unknown or has a wrong value.
    """

    #: Whether all pending deltas are in the database, so that one SQL expression can say a value.
    supports_sql_annotation: ClassVar[bool] = False

    #: Whether deltas that database triggers insert are all that there is to count.
    supports_triggers: ClassVar[bool] = False

    #: Whether deltas may be pending outside the database, so that it must be drained before it is replaced.
    needs_draining: ClassVar[bool] = False

    #: Whether a key is found however it is written, where the count model's column calls that the same key.
    compares_as_columns: ClassVar[bool] = False

    #: Whether a recount must find a moment in which no writer is busy with its key, rather than lock them out.
    recounts_by_guard: ClassVar[bool] = False

    #: After how many seconds a commit that was announced counts as failed; None where commits are not announced.
    intent_grace: int | None = None

    #: Option -> default. Of every buffer: how many keys one transaction applies.
    defaults: ClassVar[Mapping[str, Any]] = {"CHUNK_SIZE": 10_000}

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        self.alias = alias
        for name in options:
            if name not in self.defaults:
                raise InvalidSettings(f"Buffer {alias!r}: {unknown('option', name, self.defaults)}")
        self.options = {**self.defaults, **options}
        self.chunk_size = self.at_least("CHUNK_SIZE", 1)
        self.layout = Layout()
        #: Whether new deltas go to the database, whatever the layout is.
        self.database_only = False

    @property
    def new_layout(self) -> Layout:
        """Where deltas of a counter that is new here may be pending from the beginning."""
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

    def open(self, store: CounterStore) -> None:
        """Note for all processes that deltas may be pending in this layout from now on."""

    def declare(self, store: CounterStore) -> None:
        """The stored counts are made by the declaration of this process: let other deltas than its own be recounted."""

    def close_down(self, store: CounterStore) -> None:
        """It has been noted that none may be pending here any more: end what does not know it, and clear the cache."""

    def forget_all(self, store: CounterStore) -> None:
        """All rows of the database are gone: let go of whatever is here of a counter."""

    # Writes and reads

    def add(self, store: CounterStore, sums: Mapping[str, int | None]) -> None:
        """Take deltas, in units, of the caller's transaction: counted once it commits, rolled back with it."""
        raise NotImplementedError

    def add_together(self, changes: Sequence[tuple[CounterStore, Mapping[str, int | None]]]) -> None:
        """The same for several counters whose source has changed."""
        for store, sums in changes:
            self.add(store, sums)

    def expect(self, changes: Sequence[tuple[CounterStore, Sequence[str]]]) -> None:
        """A save that is a transaction by itself will most likely record deltas of these keys."""

    def epochs(self, store: CounterStore, keys: Sequence[str]) -> dict[str, str]:
        """What changes, of each key, when a number of events can no longer be compared with an earlier one."""
        return dict.fromkeys(keys, store.database_id or "")

    def epoch_of(self, store: CounterStore, key: str) -> str:
        """The same of one key."""
        return self.epochs(store, [key])[key]

    def values(self, store: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        """Stored plus pending, in units, of each key, the caller's own transaction included."""
        raise NotImplementedError

    def value(self, store: CounterStore, key: str) -> int:
        """The same of one key: the read that every page makes."""
        return self.values(store, [key])[key]

    async def avalues(self, store: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        """The same for asynchronous callers: in a thread, unless the buffer can do without."""
        return await sync_to_async(self.values)(store, keys)

    async def avalue(self, store: CounterStore, key: str) -> int:
        """The same of one key."""
        return await sync_to_async(self.value)(store, key)

    def group_values(self, store: CounterStore, group: str) -> dict[str, int]:
        """Stored and buffered, of each key of a group that has any, the caller's own transaction included.

        Args:
            store: a counter with composite keys, on one database alias.
            group: the first part of the keys, as ``Keys.group`` writes it.
        """
        raise NotImplementedError

    async def agroup_values(self, store: CounterStore, group: str) -> dict[str, int]:
        """The same for asynchronous callers: in a thread, where the buffer knows nothing better."""
        return await sync_to_async(self.group_values)(store, group)

    def values_together(self, wanted: Wanted, rows: models.QuerySet[Any, Any] | None) -> Together:
        """The values of several counters that have this buffer, on one alias.

        Args:
            wanted: counter and key, or group where its keys are composite; the first is a counter of events.
            rows: rows that are counted besides.
        """
        epoch = self.epoch_of(*wanted[0])  # first: values of a later one may be under it, but not the reverse
        read = [self._value_or_group(store, key) for store, key in wanted]
        return Together(read, epoch, None if rows is None else rows.count(), at_one_moment=False)

    def _value_or_group(self, store: CounterStore, key: str) -> dict[str, int]:
        return self.group_values(store, key) if store.has_groups else {key: self.value(store, key)}

    def clear_cache(self, store: CounterStore) -> None:
        """Delete everything that is cached of a counter: none of it may be right any more."""

    def status(self, store: CounterStore) -> Status:
        """What is pending, and what the last flush did.

        Raises:
            BufferUnavailable: the buffer's server does not answer.
        """
        return self.database_status(store)

    def database_status(self, store: CounterStore) -> Status:
        """What the database knows of it."""
        shards = self.layout.shards
        store.ensure_progress(shards)
        rows = progress.read_all(store.using, store.label, shards)
        who, _ = identity.read(store.connection)
        pending, read = deltas.summary(store.using, store.label, store.declaration), store.counter.amounts.read
        return Status(
            label=store.label,
            using=store.using,
            buffer=self.alias,
            at=timezone.now(),
            keys=pending.keys,
            rows=pending.rows,
            amount=read(pending.amount),
            recount_requests=pending.recount_requests,
            batch=max(row.batch for row in rows),
            position=sum(row.position for row in rows),
            size=sum(row.size for row in rows),
            drift_amount=read(rows[0].drift_amount),
            declaration=declared.difference(store, rows[0]),
            refused=refused.named(store.using, store.label),
            database=(store.database_id or "")[:8],
            copied_at=who.copied_at if who else None,
            copy=who.note if who else "",
            **{name: getattr(rows[0], name) for name in SAME_IN_ALL_SHARDS},
        )

    # Recounts

    def request_recount(self, store: CounterStore, keys: Sequence[str]) -> None:
        """Request a recount of keys, in the caller's transaction."""
        raise NotImplementedError

    def due_recounts(self, store: CounterStore, shard: int, limit: int) -> list[str]:
        """Keys whose recount is due and was not requested in the database."""
        return []

    def intended_keys(self, store: CounterStore) -> set[str]:
        """Keys with an intent: deltas of them may have been committed, and not be here yet."""
        return set()

    def freeze(self, store: CounterStore, keys: Sequence[str]) -> None:
        """Writers leave a recount by guard no gap: let new deltas go to the database for a while."""

    def pending_keys(self, store: CounterStore) -> set[str]:
        """The keys that have pending deltas."""
        return deltas.pending_keys(store.using, store.label, store.declaration)

    def recount_now(self, store: CounterStore, keys: Iterable[str]) -> None:
        """Try a recount once; where that fails, the next flush does it."""
        with suppress(CounterError, DatabaseError):
            for part in in_parts(list(keys)):
                self.recount(store, part)

    def recount(self, store: CounterStore, keys: Sequence[str], correct: bool = True) -> dict[str, RecountResult]:
        """Count the source again for a few keys, and correct what differs, if nothing comes between.

        Args:
            keys: at most ``BATCH`` keys.
            correct: false to change nothing.

        Returns:
            What was found; keys that are missing here must be tried again.
        """
        raise NotImplementedError

    # News

    def publish(self, store: CounterStore, message: str) -> None:
        """Tell all processes that listen to a counter something, outside of a transaction. It may get lost.

        Args:
            store: the counter, on one database alias.
            message: a text of at most 7,000 bytes.
        """

    def subscribe(self, store: CounterStore) -> Subscription | None:
        """What hears what others publish; None where there is no server for it."""
        return None

    # The flush

    def prepare_flush(self, store: CounterStore) -> None:
        """Make sure that the progress rows are there, and that deltas are pending where the settings say.

        Raises:
            BufferMismatch: they may be pending elsewhere.
        """
        store.ensure_progress(self.layout.shards)
        store.check_layout(store.snapshot([]).shards[0], self.layout)

    def invalidate(self, store: CounterStore, keys: Iterable[str]) -> None:
        """Pending deltas of the database are about to be applied: delete what is cached of their keys."""

    def hold_cache(self, store: CounterStore, keys: Iterable[str]) -> None:
        """Counts are about to change in the open transaction: nobody caches values of their keys until it has ended."""

    def claim(self, store: CounterStore, shard: int, known: ProgressSnapshot) -> Claim:
        """Take all that is pending outside the database as one batch, or resume the one that was begun."""
        return Claim(0, 0, "")

    def read_chunk(self, store: CounterStore, shard: int, position: int, length: int) -> Chunk:
        """Part of the claimed batch, from a position on."""
        raise NotImplementedError

    def acknowledge(self, store: CounterStore, shard: int, batch: int) -> None:
        """A batch has been applied: let go of it."""
        raise NotImplementedError
