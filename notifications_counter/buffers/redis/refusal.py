"""A server that answers, but takes no writes: full, read-only, loading, busy, or without permission for a step."""

import logging
import threading
import time

from ...exceptions import BufferRefused

logger = logging.getLogger("notifications_counter")

#: Steps that trust what is cached. It is stale while writers must keep their deltas in the database.
CACHED = frozenset({"cached", "totals"})

#: Steps whose first write takes memory: where they were carried out, the server takes any write again.
PROOFS = frozenset({"probe", "intend", "fill", "fill_group", *CACHED - {"cached"}})


class Refusal:
    """What one server has refused. Begins and ends with one line in the log.

    Args:
        name: what the log calls the server.
        seconds: after how long a step without permission is tried again.

    Attributes:
        steps: the steps that were refused; empty while the server takes writes.
        is_about_permission: whether the user lacked a permission.
    """

    def __init__(self, name: str, seconds: float = 5) -> None:
        self.name = name
        self.seconds = seconds
        self.steps: frozenset[str] = frozenset()
        self.is_about_permission = False
        self._until = 0.0
        self._lock = threading.Lock()

    def refused(self, step: str, error: Exception, permission: bool) -> None:
        """Note that a step was refused.

        Args:
            step: the step.
            error: what the server said.
            permission: whether the user lacks a permission, so that other steps prove nothing.
        """
        with self._lock:
            first, self.steps = not self.steps, self.steps | {step}
            self.is_about_permission = permission
            self._until = time.monotonic() + self.seconds
        if first:
            logger.error(
                "%s: takes no writes (%s). Changes are kept in the database until it does.",
                self.name,
                told(step, error),
            )

    def accepted(self, step: str) -> None:
        """Note that a step was carried out."""
        with self._lock:
            was_on = bool(self.steps)
            if self.is_about_permission:
                self.steps -= {step}
            elif step in PROOFS:
                self.steps = frozenset()
            ended = was_on and not self.steps
        if ended:
            logger.warning("%s: takes writes again.", self.name)

    def raise_if_known(self, step: str) -> None:
        """Refuse a step that would be refused, or that would trust the cache meanwhile.

        Raises:
            BufferRefused: the server takes no writes.
        """
        steps = self.steps
        if not self.is_about_permission:
            if step in CACHED:
                raise BufferRefused(f"{self.name} takes no writes.")
            return
        waits = time.monotonic() < self._until
        if (step in CACHED and (waits or not steps <= CACHED)) or (waits and step in {"intend", "probe", *steps}):
            raise BufferRefused(f"{self.name} lacks a permission.")


def told(step: str, error: Exception) -> str:
    """What the server said, and of which step: not every message names the command that is meant."""
    return f"{step}: {type(error).__name__}: {error}"
