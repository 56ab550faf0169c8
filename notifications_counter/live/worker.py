"""The one thread of a process that waits for servers, so that the event loop never does."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from django.db import close_old_connections, connections

from ..buffers.base import Subscription

logger = logging.getLogger("notifications_counter")

T = TypeVar("T")

#: Seconds between two attempts to hear news.
PAUSE = 1.0


class Worker:
    """Does one thing after another in a thread, and hears news in between.

    Args:
        loop: where the results are awaited.
        subscribe: what makes a subscription, in the thread; None where there is nothing to hear.
        hear: takes messages, or None where some may be lost, in the loop.

    Attributes:
        hears: whether others can tell it of changes now.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        subscribe: Callable[[], Subscription | None],
        hear: Callable[[list[str] | None], None],
    ) -> None:
        self._loop = loop
        self._subscribe = subscribe
        self._hear = hear
        self._jobs: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self.hears = False
        self._is_over = False
        self._subscription: Subscription | None = None
        self._threads = [threading.Thread(target=self._work, name="notifications-live", daemon=True)]
        self._threads[0].start()

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Do something in the thread; from the loop."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.append((job, future))
        self._awake()
        return future

    def close(self) -> None:
        """Let the thread end after what it does now."""
        self._is_over = True
        self._awake()

    def _awake(self) -> None:
        with suppress(OSError):  # full: it is awake
            os.write(self._writer, b"x")

    def _work(self) -> None:
        try:
            self._begin_to_hear()
            while not self._is_over:
                self._wait()
                self._do_jobs()
                self._hear_in_between()
        finally:
            if self._subscription is not None:
                with suppress(Exception):
                    self._subscription.close()
            connections.close_all()
            os.close(self._reader)
            os.close(self._writer)

    def _wait(self) -> None:
        heard = self._file()
        readable, _, _ = select.select([self._reader, *([] if heard is None else [heard])], [], [], PAUSE)
        if self._reader in readable:
            os.read(self._reader, 65_536)

    def _file(self) -> int | None:
        return None if self._subscription is None else self._subscription.fileno()

    def _do_jobs(self) -> None:
        if self._jobs and self._file() is None:  # as before a request; who hears keeps the connection by which it does
            close_old_connections()
        while self._jobs and not self._is_over:
            job, future = self._jobs.popleft()
            try:
                result = job()
            except Exception as error:
                self._call(_fail, future, error)
                close_old_connections()
            else:
                self._call(_answer, future, result)
        if self._file() is None:
            close_old_connections()

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(function, *arguments)

    # News

    def _begin_to_hear(self) -> None:
        try:
            subscription = self._subscribe()
        except Exception:
            logger.warning("Nothing is heard of changes, which are looked for instead", exc_info=True)
            return
        if subscription is None:
            return
        if subscription.waits:
            thread = threading.Thread(target=self._listen, args=[subscription], name="notifications-news", daemon=True)
            thread.start()
        else:
            self._subscription = subscription
            self._hear_in_between()

    def _hear_in_between(self) -> None:
        if self._subscription is None:
            return
        self._hear_from(self._subscription, 0.0)

    def _listen(self, subscription: Subscription) -> None:
        pause = threading.Event()
        while not self._is_over:
            if not self._hear_from(subscription, PAUSE):
                pause.wait(PAUSE / 4)
        with suppress(Exception):
            subscription.close()

    def _hear_from(self, subscription: Subscription, timeout: float) -> bool:
        """Pass on what has come; false where the server is away, and changes are looked for until it is back."""
        try:
            messages = subscription.messages(timeout)
        except Exception:
            self.hears = False
            return False
        self.hears = True
        if messages or messages is None:
            self._call(self._hear, messages)
        return True


def _answer(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
