"""All streams of one channel in one process: it looks for changes once a second, and sooner where it is told of them.

Looking alone is enough to be right, whatever message gets lost. A stream is sent whole values, never changes, so that
an event that is lost, doubled or late does no harm either.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from . import news
from .channel import Channel
from .sessions import Session, ended, user_of
from .stream import Stream
from .worker import Worker

logger = logging.getLogger("notifications_counter")

T = TypeVar("T")

#: Seconds without an event after which a stream gets a comment: proxies close what is silent for 60.
COMMENT_INTERVAL = 15.0

#: Seconds in which changes are gathered, so that many of them are read at once.
GATHER = 0.005


class Hub:
    """The streams of a channel, in one event loop.

    Args:
        channel: what they show.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.loop = asyncio.get_running_loop()
        self.is_closing = False
        self.worker = Worker(self.loop, partial(news.subscribe, channel.counter), self._hear)
        self._streams: dict[str, list[Stream]] = {}
        self._peeked: dict[str, Hashable] = {}
        self._changed: set[str] = set()
        self._slot = 0
        self._slots = max(1, round(channel.session_interval / channel.interval))
        self._woken = asyncio.Event()
        self._task = self.loop.create_task(self._run())

    @property
    def streams(self) -> list[Stream]:
        """All of them."""
        return [stream for streams in self._streams.values() for stream in streams]

    async def authorise(self, cookie: str) -> tuple[str, Session] | None:
        """The key that a session may see; None where nobody is logged in by it."""

        def look() -> tuple[str, Session] | None:
            user = user_of(cookie)
            key = None if user is None else self.channel.key(user)
            return None if key is None else (key, Session(cookie, user.pk))

        return await self.worker.run(look)

    def add(self, stream: Stream) -> None:
        """Begin to show a value: whatever is known of it is read once more."""
        self._streams.setdefault(stream.key, []).append(stream)
        self._note([stream.key])

    def remove(self, stream: Stream) -> None:
        streams = self._streams.get(stream.key, [])
        with suppress(ValueError):
            streams.remove(stream)
        if not streams:
            self._streams.pop(stream.key, None)
            self._peeked.pop(stream.key, None)

    def close(self) -> None:
        """End all streams at once, and take no more; from any thread."""
        with suppress(RuntimeError):  # the loop has ended before
            self.loop.call_soon_threadsafe(self._close)

    def _close(self) -> None:
        self.is_closing = True
        for stream in self.streams:
            stream.end()
        self._task.cancel()
        self.worker.close()

    # What has changed

    def _hear(self, messages: list[str] | None) -> None:
        """Take news; None where some may be lost."""
        for message in [news.ALL] if messages is None else messages:
            kind, names = news.parse(message)
            if kind == news.SESSION:
                self._end_sessions(set(names))
            else:
                self._note(self._streams.keys() if kind == news.ALL else names)

    def _end_sessions(self, digests: set[str]) -> None:
        for stream in self.streams:
            if stream.session.digest in digests:
                stream.end()

    def _note(self, keys: Iterable[str]) -> None:
        before = len(self._changed)
        self._changed.update(key for key in keys if key in self._streams)
        if len(self._changed) > before:
            self._woken.set()

    # What is shown

    async def _run(self) -> None:
        look_at = time.monotonic() + self._interval
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(look_at - time.monotonic()):
                    await self._woken.wait()
                    await asyncio.sleep(GATHER)
            await self._show()
            if time.monotonic() >= look_at:
                await self._look()
                look_at = time.monotonic() + self._interval

    @property
    def _interval(self) -> float:
        return self.channel.interval if self.worker.hears else self.channel.interval / 2

    async def _show(self) -> None:
        self._woken.clear()
        keys, self._changed = list(self._changed), set()
        if not keys:
            return
        values = await self._try(lambda: self.channel.read(keys))
        if values is None:
            self._changed.update(keys)  # for the next look
            return
        for key, value in values.items():
            event = value.event(self.channel.name)
            for stream in self._streams.get(key, ()):
                stream.show(event)

    async def _look(self) -> None:
        self._comment()
        keys = list(self._streams)
        peeked = await self._try(lambda: self.channel.peek(keys)) if keys else None
        for key, mark in (peeked or {}).items():
            if key in self._streams and self._peeked.get(key) != mark:
                self._changed.add(key)
                self._peeked[key] = mark
        await self._show()
        await self._look_at_sessions()

    def _comment(self) -> None:
        now = time.monotonic()
        for stream in self.streams:
            if now - stream.at >= COMMENT_INTERVAL:
                stream.comment(now)

    async def _look_at_sessions(self) -> None:
        """Of a part of the streams, so that all have had their turn after a while."""
        self._slot = (self._slot + 1) % self._slots
        sessions = [stream.session for stream in self.streams if hash(stream.session) % self._slots == self._slot]
        over = await self._try(lambda: ended(sessions)) if sessions else None
        for stream in self.streams:
            if over and stream.session in over:
                stream.end()

    async def _try(self, job: Callable[[], T]) -> T | None:
        """What a job in the thread comes to; None where it has failed, so that it is tried again a second later."""
        try:
            return await self.worker.run(job)
        except Exception as error:
            logger.warning("Live values could not be read, which is tried again: %s: %s", type(error).__name__, error)
            return None
