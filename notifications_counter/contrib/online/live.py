"""Who comes and who leaves, as a channel of live values: one message a second at most to each browser.

Every process asks for the seconds that are over, and all are told the same of them. A message has the changes of the
last ten seconds, so that one that is lost or replaced by the next is not missed.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from ...live.channel import Value
from . import members, presence
from .conf import online_settings
from .layouts import layout
from .layouts.base import Change

#: For how many seconds a change is told.
TOLD_SECONDS = 10

KEY = "online"


class OnlineChannel:
    """Who comes to the site, or to a room, and who leaves.

    Args:
        room: a room; by default the whole site.
    """

    name = "online"
    counter = None
    #: Nobody tells of changes, so that each second is looked at when it is over.
    interval = 2.0
    session_interval = 15.0

    def __init__(self, room: str = "") -> None:
        self.area = members.area_of(room)
        self._changes: list[Change] = []
        self._next: int | None = None
        self._looked = 0.0

    def key(self, user: Any) -> str | None:
        return KEY

    def peek(self, keys: Sequence[str]) -> Mapping[str, Hashable]:
        self._look()
        return dict.fromkeys(keys, self._changes[-1].second if self._changes else 0)

    def read(self, keys: Sequence[str]) -> Mapping[str, Value]:
        self._look()
        number = layout().number(self.area, 60 * online_settings().MINUTES)
        data = {"number": number, "changes": self._told()}
        return dict.fromkeys(keys, Value(KEY, self._changes[-1].second if self._changes else 0, data))

    def _look(self) -> None:
        """Ask for the seconds that were not over at the last look."""
        now = time.monotonic()
        if now - self._looked > TOLD_SECONDS:
            self._next, self._changes = None, []
        found = layout().changes(self.area, self._next, 60 * online_settings().MINUTES)
        self._looked = now
        if found:
            self._next = found[-1].second + 1
            self._changes += [change for change in found if change.joined or change.left]
            oldest = self._next - TOLD_SECONDS
            self._changes = [change for change in self._changes if change.second >= oldest] or self._changes[-1:]

    def _told(self) -> list[dict[str, Any]]:
        names = presence.usernames_of(seen for change in self._changes for seen in [*change.joined, *change.left])
        return [
            {
                "second": change.second,
                "joined": [names[seen.number] for seen in change.joined if seen.number in names],
                "left": [names[seen.number] for seen in change.left if seen.number in names],
            }
            for change in self._changes
        ]
