"""One stream, as the hub sees it: whose it is, and what it was sent last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # which needs the models
    from .sessions import Session

Send = Callable[[dict[str, Any]], Awaitable[None]]

#: So many bytes at most are sent on one stream; then the client connects again. Servers that never say that a client
#: does not read keep all of them in memory.
MOST_BYTES = 64 * 1024

#: Seconds after which a client counts as gone that takes nothing any more.
STUCK = 60.0

COMMENT = b":\n\n"


class Stream:
    """Sends one event at a time. What comes meanwhile replaces what waits: a value makes those before it worthless.

    Args:
        send: ASGI's.
        task: in which the application waits for the client's end.
        key: whose value it shows.
        session: by which it was allowed.
    """

    __slots__ = ("_next", "_send", "_sending", "at", "is_over", "key", "sent", "session", "shown", "task")

    def __init__(self, send: Send, task: asyncio.Task[Any], key: str, session: Session) -> None:
        self._send = send
        self.task = task
        self.key = key
        self.session = session
        self.shown: bytes = b""
        self.sent = 0
        self.at = time.monotonic()
        self.is_over = False
        self._next: bytes | None = None
        self._sending: asyncio.Task[None] | None = None

    def show(self, event: bytes) -> None:
        """Send an event, unless it was the last one."""
        if event != self.shown:
            self.shown = event
            self._put(event)

    def comment(self, now: float) -> None:
        """Show the proxies in between that the stream is alive; end it where the client takes nothing."""
        if self._sending is None:
            self._put(COMMENT)
        elif now - self.at > STUCK:
            self.end()

    def _put(self, part: bytes) -> None:
        self._next = part
        if self._sending is None and not self.is_over:
            self.at = time.monotonic()
            self._sending = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        try:
            while (part := self._next) is not None and not self.is_over:
                self._next = None
                self.sent += len(part)
                await self._send({"type": "http.response.body", "body": part, "more_body": True})
                self.at = time.monotonic()
        except Exception:  # servers say so in their own ways: the client has gone
            self.end()
        finally:
            self._sending = None
        if self.sent >= MOST_BYTES:
            self.end()

    def end(self) -> None:
        """Let the application answer to its end; the client may come again."""
        if not self.is_over:
            self.is_over = True
            self.task.cancel()

    async def finish(self) -> None:
        """Send the end of the response; from the application's own task."""
        if self._sending is not None:
            self._sending.cancel()
        with suppress(Exception):
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
