"""How much one statement does: as much as the database does in a short time, which the statements before it show."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

#: The seconds that the longest statement of a step should take: a quarter of the 100 ms that none should be above,
#: because one may find everything slower than those before it did.
SECONDS = 0.025

#: Where a step is said to take so much, the next takes no more than twice, and no less than half of it.
MOST_CHANGE = 2.0


class Pace:
    """How many rows, or users, a step takes.

    Args:
        using: the database alias.
        most: it is never more.
        least: nor less, unless ``most`` is: where everything is slow, very small steps would be no quicker.

    Attributes:
        now: how many the next step takes. It begins with few, before it is known what they cost.
    """

    def __init__(self, using: str, most: int, least: int) -> None:
        self.using = using
        self.most = most
        self.least = min(least, most)
        self.now = max(self.least, most // 8)

    @contextmanager
    def kept(self) -> Iterator[Step]:
        """Fit it to the longest statement of a step, which is told how many it took where they were fewer."""
        step = Step(self.now)
        with connections[self.using].execute_wrapper(step):
            yield step
        factor = min(max(SECONDS / max(step.longest, 0.001), 1 / MOST_CHANGE), MOST_CHANGE)
        if factor < 1 or step.number >= self.now:
            self.now = min(self.most, max(self.least, round(self.now * factor)))


class Step:
    """What runs on a connection meanwhile.

    Attributes:
        number: how many rows, or users, it takes.
        longest: how many seconds the longest statement took.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.longest = 0.0

    def __call__(self, execute: Any, *arguments: Any) -> Any:
        began = time.monotonic()
        try:
            return execute(*arguments)
        finally:
            self.longest = max(self.longest, time.monotonic() - began)
