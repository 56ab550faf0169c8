"""Cached totals for asynchronous views: read on the event loop, by a client of redis-py that belongs to the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from .client import ERRORS, NoScriptError, is_cut, make_async_client, redis
from .scripts import Base, script_hash, script_text
from .server import RedisServer


class AsyncClients:
    """The clients of one buffer, one for each event loop: a connection cannot be used on another.

    A loop may live for one request alone, as in ``async_to_sync``. So a generator waits in each loop for its end, which
    asyncio tells to all asynchronous generators, and closes the loop's connections.
    """

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        self.alias = alias
        self.options = options
        self._clients: dict[Any, tuple[Any, AsyncGenerator[None, None]]] = {}

    async def here(self) -> Any:
        """The client of the loop that runs; None where the options name none."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._drop_closed()
            client = make_async_client(self.alias, self.options)
            until_the_end = self._until_the_end(loop, client)
            self._clients[loop] = client, until_the_end
            await anext(until_the_end)
        return self._clients[loop][0]

    async def _until_the_end(self, loop: Any, client: Any) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._clients.pop(loop, None)
            if client is not None:
                await client.aclose()

    def _drop_closed(self) -> None:
        """Forget clients whose loop was closed without a word: their connections are closed as they are collected."""
        for loop in [loop for loop in list(self._clients) if loop.is_closed()]:
            self._clients.pop(loop, None)

    async def close(self) -> None:
        """Let go of the connections of the loop that runs."""
        found = self._clients.get(asyncio.get_running_loop())
        if found is not None:
            await found[1].aclose()


async def get(server: RedisServer, client: Any, base: Base, names: Sequence[str]) -> Sequence[Any]:
    """The cached values of one shard, if its server takes writes.

    Raises:
        BufferUnavailable: the server does not answer, refuses, or did not answer a moment ago.
    """
    if len(names) == 1:
        return [await ask(server, client, names[0], lambda: client.execute_command("GETEX", names[0]))]
    values: Sequence[Any] = await run(server, client, "totals", base, *names)
    return values


async def run(server: RedisServer, client: Any, name: str, base: Base, *arguments: Any) -> Any:
    """The reply of a script that reads what is cached.

    Raises:
        BufferUnavailable: the server does not answer, refuses, or did not answer a moment ago.
    """

    async def evaluate() -> Any:
        try:
            return await client.evalsha(script_hash(name, base.has_groups), 1, base, *arguments)
        except NoScriptError:
            return await client.eval(script_text(name, base.has_groups), 1, base, *arguments)

    return await ask(server, client, base, evaluate)


async def ask(server: RedisServer, client: Any, name: str, question: Callable[[], Awaitable[Any]]) -> Any:
    """Ask the server of a Redis key for what is cached.

    Raises:
        BufferUnavailable: the server does not answer, refuses, or did not answer a moment ago.
    """
    breaker = server.breaker_of(name)
    server.before(breaker, "cached")
    try:
        reply = await _answer(client, question)
    except ERRORS as error:
        raise server.failed(breaker, "cached", name, error) from error
    if server.is_troubled:
        server.answered(breaker, "cached")
    return reply


async def _answer(client: Any, question: Callable[[], Awaitable[Any]]) -> Any:
    """The answer; asked again where the connection was cut, or led to a server that is read-only by now."""
    try:
        return await question()
    except redis.ReadOnlyError:
        if pool := getattr(client, "connection_pool", None):
            await pool.disconnect(inuse_connections=False)
        return await question()
    except redis.ConnectionError as error:
        if not is_cut(error):
            raise
        return await question()
