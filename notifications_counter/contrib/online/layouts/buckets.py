"""The layout "buckets": the second of each user's last report, in small hashes that run out by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .. import members
from ..conf import MOST_SECONDS
from .base import Change, Layout, Page, Seen, chunks
from .redis_server import Server

#: A script does no more than this at once, so that it never holds up the server for 2 ms.
NAMES_A_CALL, USERS_A_CALL = 200, 50

#: So many are written to the database at once.
USERS_A_PART = 1000

#: So many who came or left in a second are named.
MOST_NAMED = 100


class Buckets(Layout):
    """Exact to a second, without a tick. ``scripts/common.lua`` says what is where."""

    def __init__(self) -> None:
        self.server = Server()

    def close(self) -> None:
        self.server.close()

    def report(self, name: str, areas: Sequence[str], window: int, at: int | None = None) -> None:
        shard, field = members.place_of(number := members.number_of(name))
        is_guest = areas[0].startswith(f"{members.GUESTS}:")
        self.server.run("report", window, shard, field, "" if number >= 0 or is_guest else name, *areas, at=at)

    def forget(self, name: str, areas: Sequence[str], at: int | None = None) -> None:
        self.server.run("forget", *members.place_of(members.number_of(name)), *areas, at=at)

    def page(self, area: str, seconds: int, limit: int, after: str = "", at: int | None = None) -> Page:
        found: list[Seen] = []
        while True:  # mostly once: where nearly all of a second have reported again, it takes several calls
            page = self._page(area, seconds, min(limit, USERS_A_CALL) - len(found), after, "", at)[1]
            found += page.seen
            after = page.following
            if not after or len(found) >= min(limit, USERS_A_CALL):
                return Page(found, after)

    def _page(
        self, area: str, seconds: int, limit: int, after: str, low: int | str, at: int | None = None
    ) -> tuple[int, Page]:
        start = after.split(".") if after else ["", "0", "0"]
        now, following, *rows = self.server.run("page", area, seconds, limit, *start, low, at=at)
        found = []
        for shard, field, second, name in zip(*[iter(rows)] * 4, strict=True):
            number = members.number_at(shard, field)
            found.append(Seen(str(number) if number >= 0 else name, number, int(second)))
        return int(now), Page(found, following)

    def number(self, area: str, seconds: int, at: int | None = None) -> int:
        return int(self.server.run("number", area, seconds, at=at))

    def seen(self, area: str, names: Sequence[str], at: int | None = None) -> tuple[int, dict[str, int | None]]:
        found: dict[str, int | None] = {}
        now = 0
        for part in chunks(names, NAMES_A_CALL) if names else [[]]:
            places = [text for name in part for text in members.place_of(members.number_of(name))]
            now, *seconds = map(int, self.server.run("seen", area, *places, at=at))
            found |= {name: second or None for name, second in zip(part, seconds, strict=True)}
        return now, found

    # The way to the database

    def to_write(self) -> Iterator[Sequence[Seen]]:
        """Newest first: who reports again meanwhile is passed over, and is the next flush's."""
        area, name = members.area_of(""), f"{self.server.base}:written"
        low = int(self.server.ask(lambda client: client.get(name)) or 0)
        now, page = self._page(area, MOST_SECONDS, USERS_A_CALL, "", low)
        part = list(page.seen)
        while page.following:
            page = self._page(area, MOST_SECONDS, USERS_A_CALL, page.following, low)[1]
            part += page.seen
            if len(part) >= USERS_A_PART:
                yield part
                part = []
        yield part
        self.server.ask(lambda client: client.set(name, now, ex=MOST_SECONDS))

    def written(self, part: Sequence[Seen]) -> None:
        fields = [":".join(members.place_of(seen.number)) for seen in part if seen.number < 0 and seen.name]
        if fields:
            self.server.ask(lambda client: client.hdel(f"{self.server.base}:texts", *fields))

    # Who comes and goes

    def changes(self, area: str, first: int | None, seconds: int, at: int | None = None) -> list[Change]:
        arguments = ["" if first is None else first, "", seconds, MOST_NAMED]
        found = self.server.run("changes", area, *arguments, at=at)[1:]
        return [
            Change(
                int(second),
                [_member(place, name) for place, name in zip(came[::2], came[1::2], strict=True)],
                self._left(area, int(second) - seconds) if int(gone) else [],
            )
            for second, gone, came in found
        ]

    def _left(self, area: str, second: int) -> Sequence[Seen]:
        """Those whose last report was in a second."""
        return self._page(area, MOST_SECONDS, USERS_A_CALL, f"{second}.0.0", second)[1].seen


def _member(place: str, name: str) -> Seen:
    number = members.number_at(*place.split(":"))
    return Seen(str(number) if number >= 0 else name, number, 0)
