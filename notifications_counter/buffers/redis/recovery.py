"""A thread that asks a server in trouble until it is well, so that no request has to, and none comes too early."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger("notifications_counter")

#: Seconds between two tries, at first and at most.
FIRST, LONGEST = 0.05, 0.5


class Recovery:
    """Begins with a trouble, and ends when it is over.

    Where no thread can be started, as in uWSGI without ``enable-threads`` or at the end of a process, requests ask by
    themselves as soon as the breaker lets them.

    Args:
        heal: tries to end the trouble, and says whether it is over.
    """

    def __init__(self, heal: Callable[[], bool]) -> None:
        self._heal = heal
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._is_wanted = self._is_closed = False

    @property
    def is_elsewhere(self) -> bool:
        """Whether another thread sees to it. None does in a process that was forked meanwhile."""
        thread = self._thread
        return thread is not None and thread.is_alive() and thread is not threading.current_thread()

    def start(self) -> None:
        with self._lock:
            self._is_wanted = True
            if self._is_closed or (self._thread is not None and self._thread.is_alive()):
                return
            thread = threading.Thread(target=self._run, name="notifications_counter: Redis", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter shuts down
                return
            self._thread = thread

    def close(self) -> None:
        self._is_closed = True

    def _run(self) -> None:
        pause = FIRST
        while not (self._is_closed or self._is_over()):
            time.sleep(pause)
            pause = min(1.5 * pause, LONGEST)

    def _is_over(self) -> bool:
        self._is_wanted = False
        try:
            is_healed = self._heal()
        except Exception:  # a client that was closed meanwhile, for instance
            if not self._is_closed:
                logger.exception("A Redis server could not be asked whether it is well again.")
            return self._is_closed
        if not is_healed:
            return False
        with self._lock:
            if not self._is_wanted:
                self._thread = None
        return self._thread is None
