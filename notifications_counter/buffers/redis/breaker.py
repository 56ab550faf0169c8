"""Keeps a server that does not answer from costing every request a time-out."""

import logging
import threading
import time

from ...exceptions import BufferUnavailable
from .refusal import Refusal

logger = logging.getLogger("notifications_counter")

MEANWHILE = "The database is used instead until it answers again."


class Breaker:
    """Remembers for a few seconds that a server did not answer.

    Args:
        name: what the log calls the server.
        seconds: how long it is left alone.
        meanwhile: what the log says of the time until it answers again.

    Attributes:
        is_failing: whether it has not answered since.
        refusal: what it has refused, although it answers.
    """

    def __init__(self, name: str, seconds: float = 5, meanwhile: str = MEANWHILE) -> None:
        self.name = name
        self.seconds = seconds
        self.meanwhile = meanwhile
        self._until = 0.0
        self.is_failing = False
        self.refusal = Refusal(name, seconds)
        self._lock = threading.Lock()

    def is_open(self) -> bool:
        """Whether the server should be left alone for now."""
        return time.monotonic() < self._until

    def refuse_if_open(self) -> None:
        """Refuse to ask the server.

        Raises:
            BufferUnavailable: it did not answer a moment ago.
        """
        if self.is_open():
            raise BufferUnavailable(f"{self.name} did not answer a moment ago.")

    def failed(self, error: Exception) -> None:
        with self._lock:
            self._until = time.monotonic() + self.seconds
            first, self.is_failing = not self.is_failing, True
        if first:
            logger.error("%s: no answer (%s). %s", self.name, error, self.meanwhile)

    def answered(self) -> None:
        if self.is_failing:
            with self._lock:
                self.is_failing, self._until = False, 0.0
            logger.warning("%s: answers again.", self.name)
