"""The layout "two_sets": who has reported since the last tick, and who did in the period before."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from ....exceptions import InvalidOption
from .. import members
from ..conf import NAME
from .base import Change, Layout, Page, Seen, chunks
from .redis_server import Server

CURRENT, OLD = "wo_user_current", "wo_user_old"

#: So many names are read, or written, at a time.
NAMES_A_CALL = 1000


class TwoSets(Layout):
    """Names in two plain sets, which other programs may use too. Each tick makes the current set the old one.

    A cluster keeps the two on different nodes, where they cannot be renamed.
    """

    keeps_seconds = False
    needs_tick = True
    has_rooms = False

    def __init__(self) -> None:
        self.server = Server()

    def close(self) -> None:
        self.server.close()

    def report(self, name: str, areas: Sequence[str], window: int, at: int | None = None) -> None:
        for area in areas:
            _check(area)
        self.server.ask(lambda client: client.sadd(CURRENT, name), CURRENT)

    def forget(self, name: str, areas: Sequence[str], at: int | None = None) -> None:
        self.server.ask(lambda client: [client.srem(each, name) for each in (CURRENT, OLD)], CURRENT)

    def tick(self) -> None:
        """One transaction would fail with the rename, where there is nothing to rename: nobody was there."""
        self.server.ask(
            lambda client: client.eval(
                "if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('RENAME', KEYS[1], KEYS[2]) end "
                "return redis.call('DEL', KEYS[2])",
                2,
                CURRENT,
                OLD,
            ),
            CURRENT,
        )

    def page(self, area: str, seconds: int, limit: int, after: str = "", at: int | None = None) -> Page:
        """By name, because nothing tells who came last."""
        _check(area)
        now = int(time.time())
        names = sorted(self._names())
        start = int(after or 0)
        part = names[start : start + limit]
        following = str(start + limit) if start + limit < len(names) else ""
        return Page([Seen(name, members.number_of(name), now) for name in part], following)

    def _names(self) -> set[str]:
        return set(self.server.ask(lambda client: list(client.sunion(CURRENT, OLD)), CURRENT))

    def number(self, area: str, seconds: int, at: int | None = None) -> int:
        if area.startswith(f"{members.GUESTS}:"):
            return 0
        _check(area)
        return len(self._names())

    def seen(self, area: str, names: Sequence[str], at: int | None = None) -> tuple[int, dict[str, int | None]]:
        _check(area)
        now = int(time.time())
        found: dict[str, int | None] = {}
        for part in chunks(names, NAMES_A_CALL):
            there = self.server.ask(partial(_are_members, names=part), CURRENT)
            found |= {name: now if is_there else None for name, is_there in zip(part, there, strict=True)}
        return now, found

    def to_write(self) -> Iterator[Sequence[Seen]]:
        """All who have reported since the last tick."""
        now = int(time.time())
        names = self.server.ask(lambda client: list(client.smembers(CURRENT)), CURRENT)
        for part in chunks(names, NAMES_A_CALL):
            yield [Seen(name, members.number_of(name), now) for name in part]

    def changes(self, area: str, first: int | None, seconds: int, at: int | None = None) -> list[Change]:
        return []


def _are_members(client: Any, names: Sequence[str]) -> list[bool]:
    with client.pipeline(transaction=False) as pipeline:
        for each in (CURRENT, OLD):
            pipeline.smismember(each, names)
        current, old = pipeline.execute()
    return [bool(one or other) for one, other in zip(current, old, strict=True)]


def _check(area: str) -> None:
    if area != members.area_of(""):
        raise InvalidOption(
            f"The layout 'two_sets' knows no rooms and no guests: use 'buckets' or 'database' for {NAME}['LAYOUT']."
        )
