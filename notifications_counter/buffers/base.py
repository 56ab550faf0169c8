"""What every buffer does. ``tests/buffers/contract.py`` holds each of them to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage

from .. import waiting
from ..conf import is_integer
from ..exceptions import InvalidSettings, unknown
from ..stored import BATCH, Look, Stored
from .status import Status


@dataclass(frozen=True)
class Layout:
    """Where a buffer's deltas wait: what must not change while some do. No prefix: in the database alone."""

    prefix: str = ""
    shards: int = 1


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
class Slice:
    """A part of the claimed batch: its number (None where there is none), its size, and some of its members."""

    batch: int | None
    size: int
    members: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Found:
    """What a recount of a key found, at one moment."""

    stored: int
    buffered: int
    true: int

    @property
    def difference(self) -> int:
        """What is missing in stored and buffered."""
        return self.true - self.stored - self.buffered


class Buffer:
    """A place where deltas wait.

    Args:
        alias: the buffer's alias in the settings.
        options: ``OPTIONS`` of the settings.

    Raises:
        InvalidSettings: an option is unknown or has a wrong value.
    """

    #: Option -> default. Of every buffer: how many keys one transaction applies.
    defaults: ClassVar[Mapping[str, Any]] = {"CHUNK": 10_000}

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        self.alias = alias
        for name in options:
            if name not in self.defaults:
                raise InvalidSettings(f"Buffer {alias!r}: {unknown('option', name, self.defaults)}")
        self.options = {**self.defaults, **options}
        self.chunk = self.at_least("CHUNK", 1)
        self.layout = Layout()
        #: Whether new deltas must wait in the database, whatever the layout is.
        self.rows_only = False

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

    def open(self, stored: Stored) -> None:
        """Note for all processes that deltas may wait in this layout from now on."""

    def close_down(self, stored: Stored) -> None:
        """It has been noted that none may wait here any more: end what does not know it, forget what is cached."""

    # Writes and reads

    def add(self, stored: Stored, sums: Mapping[str, int | None]) -> None:
        """Take deltas of the caller's transaction: after its commit they are counted, after its rollback not."""
        raise NotImplementedError

    def values(self, stored: Stored, keys: Sequence[str]) -> dict[str, int]:
        """Stored and buffered, of each key, the caller's own transaction included."""
        raise NotImplementedError

    def value(self, stored: Stored, key: str) -> int:
        """The same of one key: the read that every page makes."""
        return self.values(stored, [key])[key]

    async def avalues(self, stored: Stored, keys: Sequence[str]) -> dict[str, int]:
        """The same for asynchronous callers: in a thread, where the buffer knows nothing better."""
        return await sync_to_async(self.values)(stored, keys)

    async def avalue(self, stored: Stored, key: str) -> int:
        """The same of one key."""
        return await sync_to_async(self.value)(stored, key)

    def forget_cached(self, stored: Stored) -> None:
        """Nothing that is cached of a counter may be right any more."""

    def status(self, stored: Stored) -> Status:
        """What waits, and what the last flush did.

        Raises:
            BufferUnavailable: the buffer's server does not answer.
        """
        raise NotImplementedError

    # Recounts

    def ask_recount(self, stored: Stored, keys: Sequence[str]) -> None:
        """Ask for a recount of keys, in the caller's transaction."""
        raise NotImplementedError

    def due(self, stored: Stored, shard: int, limit: int) -> list[str]:
        """Keys that await a recount elsewhere than in the database."""
        return []

    def intended(self, stored: Stored) -> set[str]:
        """Keys of which deltas may be on their way that were committed already."""
        return set()

    def freeze(self, stored: Stored, keys: Sequence[str]) -> None:
        """Writers leave a recount no gap: let their deltas wait in the database for a while, where none is needed."""

    def buffered_keys(self, stored: Stored) -> set[str]:
        """The keys of which deltas wait."""
        return waiting.keys(stored.using, stored.label)

    def recount(self, stored: Stored, keys: Sequence[str], correct: bool = True) -> dict[str, Found]:
        """Count the source again for a few keys, and correct what differs, if nothing comes between.

        Args:
            keys: at most ``BATCH`` keys.
            correct: false to change nothing.

        Returns:
            What was found; keys that are missing here must be tried again.
        """
        raise NotImplementedError

    # The flush

    def before_rows(self, stored: Stored, keys: Iterable[str]) -> None:
        """Deltas that waited in the database are about to be applied: forget what is cached of their keys."""

    def claim(self, stored: Stored, shard: int, known: Known) -> Claim:
        """Take all that waits outside the database as one batch, or resume the one that was begun."""
        return Claim(0, 0, "")

    def slice(self, stored: Stored, shard: int, position: int, length: int) -> Slice:
        """Part of the claimed batch."""
        raise NotImplementedError

    def acknowledge(self, stored: Stored, shard: int, batch: int) -> None:
        """A batch has been applied: let go of it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Known:
    """What the database knows of a shard before a claim."""

    run_id: str
    batch: int
    position: int
    size: int


def slices(keys: Sequence[str], length: int = BATCH) -> Iterable[Sequence[str]]:
    return (keys[start : start + length] for start in range(0, len(keys), length))


def must_be_counted(stored: Stored, look: Look, keys: Sequence[str]) -> list[str]:
    """The keys whose values only their rows can tell: all before the first fill, else those that await a recount."""
    if stored.events:
        return []
    return [key for key in keys if key in look.asked] if look.filled else list(keys)


def in_database(look: Look, keys: Sequence[str]) -> dict[str, int]:
    """What the database alone knows of the keys' counts."""
    return {key: look.stored.get(key, 0) + look.waiting.get(key, 0) for key in keys}


def found_in(look: Look, key: str, elsewhere: int = 0) -> Found:
    """What a look with a count says of a key, of which ``elsewhere`` is buffered outside the database."""
    return Found(look.stored.get(key, 0), look.waiting.get(key, 0) + elsewhere, look.true.get(key, 0))
