"""What a process owes to a server that could not be told: cached values to forget, and pushes to send again.

Kept in memory, and bounded: with too many keys everything that is cached of their shards is forgotten instead, and of
too many pushes the oldest are left to the recounts that their intents request.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...exceptions import BufferUnavailable
from ...ledger.snapshot import in_parts
from .scripts import Base

#: How many keys are remembered, how many pushes, and how many keys one call takes.
MOST_KEYS, MOST_PUSHES, KEYS_A_CALL = 10_000, 1_000, 1_000

#: For how many seconds an event may be sent again: the server remembers for a minute that it was carried out.
EVENTS_SECONDS = 50

#: A script, the shard that it runs on, and its first arguments.
Call = tuple[str, Base, tuple[Any, ...]]


@dataclass(frozen=True)
class Push:
    """A push that lost its reply, or was refused. Its token makes it count once.

    Attributes:
        call: the script with its arguments.
        until: when it may still be sent, by the monotonic clock; None for always.
    """

    call: Call
    until: float | None = None

    @property
    def is_late(self) -> bool:
        return self.until is not None and time.monotonic() > self.until


class Owed:
    """What one process owes to the server, or the cluster, of a buffer."""

    def __init__(self) -> None:
        self._keys: dict[Call, set[str]] = {}
        self._cleared: set[Base] = set()
        self._pushes: deque[Push] = deque(maxlen=MOST_PUSHES)
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._keys or self._cleared or self._pushes)

    def add_keys(self, call: Call, keys: Iterable[str]) -> None:
        """Remember to call a script with these keys, so that what is cached of them is not read."""
        with self._lock:
            self._keys.setdefault(call, set()).update(keys)
            if sum(map(len, self._keys.values())) > MOST_KEYS:
                self._cleared |= {base for _, base, _ in self._keys}
                self._keys = {}

    def add_push(self, call: Call) -> None:
        """Remember to send a push again."""
        with self._lock:
            self._pushes.append(Push(call, time.monotonic() + EVENTS_SECONDS if call[0] == "add" else None))

    def settle(self, run: Callable[..., Any], clear: Callable[..., Any]) -> None:
        """Do what can be done by now; the rest is still owed.

        Args:
            run: runs a script on a shard.
            clear: forgets everything that is cached of a shard.

        Raises:
            BufferUnavailable: the server does not answer again, or refuses.
        """
        failed: BufferUnavailable | None = None
        for do, owe_again in list(self._taken(run, clear)):
            try:
                do(urgent=failed is None)
            except BufferUnavailable as error:
                failed = error
                with self._lock:
                    owe_again()
        if failed:
            raise failed

    def _put_back(self, call: Call, keys: Iterable[str]) -> None:
        self._keys.setdefault(call, set()).update(keys)

    def _taken(
        self, run: Callable[..., Any], clear: Callable[..., Any]
    ) -> Iterator[tuple[Callable[..., Any], Callable[[], Any]]]:
        """What is to be done, each with what to do if it fails."""
        with self._lock:
            keys, self._keys = self._keys, {}
            cleared, self._cleared = self._cleared, set()
            pushes = list(self._pushes)
            self._pushes.clear()
        for base in cleared:
            yield partial(clear, base), partial(self._cleared.add, base)
        for (name, base, arguments), members in keys.items():
            for part in in_parts(sorted(members), KEYS_A_CALL):
                again = partial(self._put_back, (name, base, arguments), part)
                yield partial(run, name, base, *arguments, *part), again
        for push in pushes:
            if not push.is_late:
                name, base, arguments = push.call
                yield partial(run, name, base, *arguments), partial(self._pushes.append, push)
