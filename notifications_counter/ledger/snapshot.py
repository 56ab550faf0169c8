"""What one statement saw of a counter: stored counts, deltas that are pending in the database, and progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any, TypeVar

from ..declaration.amounts import EXACT

#: Keys a statement: SQLite takes 999 parameters in its oldest builds.
BATCH = 400

Item = TypeVar("Item")


@dataclass(frozen=True)
class ShardProgress:
    """What the progress row of a shard says.

    Attributes:
        backfilled: whether the source has been counted once, by the declaration that this process has.
        agrees: whether the stored counts are made by that declaration; false while a deployment changes it.
    """

    batch: int
    position: int
    size: int
    backfilled: bool
    prefix: str
    shards: int
    agrees: bool = True


@dataclass(frozen=True)
class RecountResult:
    """What a recount found of a key, at one moment.

    Attributes:
        key: the key, as text.
        stored: what its count row held.
        pending: the sum of its pending deltas.
        actual: the count of its rows in the source, or what they come to.

    Buffers find integers, in units; who has asked for a recount of a sum of decimals gets decimals.
    """

    key: str
    stored: Any
    pending: Any
    actual: Any

    @property
    def difference(self) -> Any:
        """The delta that was missing: 0 where stored and pending were right."""
        with nullcontext() if isinstance(self.actual, int) else localcontext(EXACT):
            return self.actual - self.stored - self.pending

    def converted(self, read: Callable[[int], Decimal]) -> RecountResult:
        """The same, as it is read."""
        return RecountResult(self.key, read(self.stored), read(self.pending), read(self.actual))


@dataclass
class Snapshot:
    """What one statement saw.

    Attributes:
        stored: key -> what its count row holds.
        pending: key -> the sum of its deltas that are pending in the database.
        recount_requests: the keys of which a recount was requested.
        actual: key -> the count of its rows in the source, if those were to be read; nothing for none.
        shards: shard -> its progress.
    """

    stored: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    recount_requests: set[str] = field(default_factory=set)
    actual: dict[str, int] = field(default_factory=dict)
    shards: dict[int, ShardProgress] = field(default_factory=dict)

    @property
    def keys(self) -> set[str]:
        """The keys of which anything is stored or pending in the database."""
        return self.stored.keys() | self.pending.keys()

    @property
    def backfilled(self) -> bool:
        """Whether the source has been counted once, so that the stored counts mean something."""
        return self.shards[0].backfilled

    def in_database(self, keys: Iterable[str]) -> dict[str, int]:
        """Key -> stored and pending, as far as the database alone knows."""
        return {key: self.stored.get(key, 0) + self.pending.get(key, 0) for key in keys}

    def recounted(self, key: str, pending_elsewhere: int = 0) -> RecountResult:
        """What a snapshot with actual counts says of a key.

        Args:
            key: the key.
            pending_elsewhere: the sum of its deltas that are pending outside the database.
        """
        pending = self.pending.get(key, 0) + pending_elsewhere
        return RecountResult(key, self.stored.get(key, 0), pending, self.actual.get(key, 0))


def in_parts(items: Sequence[Item], length: int = BATCH) -> Iterable[Sequence[Item]]:
    """A sequence in parts that one statement, or one call, may take."""
    if 0 < len(items) <= length:
        return (items,)
    return (items[start : start + length] for start in range(0, len(items), length))
