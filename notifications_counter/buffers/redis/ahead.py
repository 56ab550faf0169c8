"""Intents that were sent ahead of the row: what was refused of them, or their way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ...exceptions import BufferUnavailable
from ...ledger.store import CounterStore
from .server import Call, RedisServer


class SentAhead:
    """The intents of a transaction, of which the reply has not been read; either method reads it.

    Args:
        server: to which they were sent.
        token: of the transaction.
        keys: counter -> keys.
        calls: the scripts.
        read: reads what each has replied.
    """

    def __init__(
        self,
        server: RedisServer,
        token: str,
        keys: Mapping[CounterStore, Sequence[str]],
        calls: Sequence[Call],
        read: Callable[[], list[Any]],
    ) -> None:
        self.keys = keys
        self._server = server
        self._token = token
        self._calls = calls
        self._read = read

    def refused(self) -> dict[CounterStore, set[str]]:
        """The keys whose deltas must go to the database."""
        return refused(self.keys, self._calls, self._read())

    def withdraw(self) -> None:
        """Take them back, by a push of nothing; what cannot be taken back requests a recount, once it is old."""
        for call, reply in zip(self._calls, self._read(), strict=True):
            if call.name == "intend" and not isinstance(reply, BufferUnavailable):
                nothing = [value for key in call.keys if key not in reply for value in (key, 0)]
                if nothing:
                    with suppress(BufferUnavailable):
                        self._server.run("push", call.base, self._token, *nothing)


def refused(
    keys: Mapping[CounterStore, Sequence[str]], calls: Sequence[Call], replies: Sequence[Any]
) -> dict[CounterStore, set[str]]:
    """The keys of which no intent was noted, by what the scripts have replied."""
    found = {store: set(part) for store, part in keys.items()}
    for call, reply in zip(calls, replies, strict=True):
        if not isinstance(reply, BufferUnavailable):  # another shard may be on a server that answers
            frozen = () if call.store.events else reply
            found[call.store].difference_update(set(call.keys).difference(frozen) if frozen else call.keys)
    return found
