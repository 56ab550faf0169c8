"""Tumbling windows: times that follow one another without a gap, each as long as the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ...exceptions import InvalidSettings, quoted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Window:
    """Windows of one length, of which one begins with 1970 in UTC.

    Args:
        length: how long each of them is.
    """

    def __init__(self, length: timedelta) -> None:
        self.milliseconds = length // timedelta(milliseconds=1)
        self._starts: dict[int, datetime] = {}

    def start(self, timestamp: int) -> datetime:
        """The beginning of the window of a moment.

        Args:
            timestamp: milliseconds since 1970.
        """
        number = timestamp // self.milliseconds
        if number not in self._starts:
            if len(self._starts) > 1_000:  # of most messages the window is one of a few
                self._starts.clear()
            self._starts[number] = EPOCH + timedelta(milliseconds=number * self.milliseconds)
        return self._starts[number]


def window_of(given: Any) -> Window | None:
    """The windows of a length; None without one.

    Raises:
        InvalidSettings: it is no ``timedelta`` of at least a millisecond.
    """
    if given is None:
        return None
    if not isinstance(given, timedelta) or given < timedelta(milliseconds=1):
        raise InvalidSettings(f"{quoted(given)} is no length of a window: give a timedelta, such as of an hour.")
    return Window(given)
