"""Cached totals for asynchronous views: read on the event loop, by a client of redis-py that belongs to the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from .client import ERRORS, make_async_client
from .server import RedisServer, unavailable


class AsyncClients:
    """The clients of one buffer, one for each event loop: a connection cannot be used on another."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        self.alias = alias
        self.options = options
        self._clients: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def here(self) -> Any:
        """The client of the loop that runs; None where the options name none."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = make_async_client(self.alias, self.options)
        return self._clients[loop]

    async def close(self) -> None:
        """Let go of the connections of the loop that runs."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


async def get(server: RedisServer, client: Any, names: Sequence[str]) -> Sequence[Any]:
    """The values of Redis keys of one shard.

    Raises:
        BufferUnavailable: the server does not answer, refuses, or did not answer a moment ago.
    """
    if len(names) == 1:
        return [await ask(server, names[0], lambda: client.get(names[0]))]
    values: Sequence[Any] = await ask(server, names[0], lambda: client.mget(names))
    return values


async def ask(server: RedisServer, name: str, question: Callable[[], Awaitable[Any]]) -> Any:
    """Ask the server of a Redis key.

    Raises:
        BufferUnavailable: the server does not answer, refuses, or did not answer a moment ago.
    """
    breaker = server.breaker_of(name)
    breaker.refuse_if_open()
    try:
        reply = await question()
    except ERRORS as error:
        raise unavailable(breaker, error) from error
    breaker.answered()
    return reply
