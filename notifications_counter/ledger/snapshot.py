"""What one statement saw of a counter: what is stored, what waits in the database, how far each shard is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

#: Keys a statement: SQLite takes 999 parameters in its oldest builds.
BATCH = 400


@dataclass(frozen=True)
class ShardProgress:
    """What the progress row of a shard says."""

    batch: int
    position: int
    size: int
    backfilled: bool
    prefix: str
    shards: int


@dataclass
class Snapshot:
    """What one statement saw.

    Attributes:
        stored: key -> what its row holds.
        waiting: key -> the sum of its waiting rows.
        asked: the keys for which a row asks for a recount.
        true: key -> how many rows of the source count, if that was asked for; nothing for none.
        shards: shard -> its progress.
    """

    stored: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    true: dict[str, int] = field(default_factory=dict)
    shards: dict[int, ShardProgress] = field(default_factory=dict)

    @property
    def keys(self) -> set[str]:
        """The keys of which anything is stored or waits."""
        return self.stored.keys() | self.waiting.keys()

    @property
    def backfilled(self) -> bool:
        """Whether the source has been counted once, so that the stored counts mean something."""
        return self.shards[0].backfilled


@dataclass(frozen=True)
class RecountResult:
    """What a recount of a key found, at one moment."""

    stored: int
    buffered: int
    true: int

    @property
    def difference(self) -> int:
        """What is missing in stored and buffered."""
        return self.true - self.stored - self.buffered


def in_parts(keys: Sequence[str], length: int = BATCH) -> Iterable[Sequence[str]]:
    return (keys[start : start + length] for start in range(0, len(keys), length))


def in_database(look: Snapshot, keys: Sequence[str]) -> dict[str, int]:
    """What the database alone knows of the keys' counts."""
    return {key: look.stored.get(key, 0) + look.pending.get(key, 0) for key in keys}


def found_in(look: Snapshot, key: str, elsewhere: int = 0) -> RecountResult:
    """What a look with a count says of a key, of which ``elsewhere`` is buffered outside the database."""
    return RecountResult(look.stored.get(key, 0), look.pending.get(key, 0) + elsewhere, look.true.get(key, 0))
