"""What every layout does. Seconds are those of the layout's own clock, since the epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Seen:
    """Somebody who was seen.

    Attributes:
        name: by what they are known; empty where only the number is known.
        number: what ``members.number_of`` makes of the name.
        second: of the last report.
    """

    name: str
    number: int
    second: int


@dataclass(frozen=True)
class Page:
    """Who was seen last, newest first.

    Attributes:
        seen: them.
        following: where the next page begins; empty where there is none.
    """

    seen: Sequence[Seen]
    following: str = ""


@dataclass(frozen=True)
class Change:
    """Who came and who left in a second."""

    second: int
    joined: Sequence[Seen] = field(default_factory=list)
    left: Sequence[Seen] = field(default_factory=list)


class Layout:
    """A place where reports are noted.

    Attributes:
        keeps_seconds: whether it knows when somebody was seen; else the ticks decide who is online.
        needs_tick: whether ``tick`` must be called again and again.
        has_rooms: whether it knows who is where, and guests.
    """

    keeps_seconds = True
    needs_tick = False
    has_rooms = True

    def report(self, name: str, areas: Sequence[str], window: int, at: int | None = None) -> None:
        """Note that somebody is there.

        Args:
            name: by what they are known.
            areas: where they are.
            window: after how many seconds without a report somebody has gone.
            at: the second; by default the one that it is.
        """
        raise NotImplementedError

    def forget(self, name: str, areas: Sequence[str], at: int | None = None) -> None:
        """Forget that somebody is there."""
        raise NotImplementedError

    def tick(self) -> None:
        """Begin the next period, where there are any."""

    def page(self, area: str, seconds: int, limit: int, after: str = "", at: int | None = None) -> Page:
        """Who was seen in the last seconds, newest first: one question.

        Args:
            area: where.
            seconds: how many.
            limit: how many of them at most.
            after: what the page before has as ``following``.
            at: the second that it is.
        """
        raise NotImplementedError

    def number(self, area: str, seconds: int, at: int | None = None) -> int:
        """How many were seen in the last seconds, exactly: one question."""
        raise NotImplementedError

    def seen(self, area: str, names: Sequence[str], at: int | None = None) -> tuple[int, dict[str, int | None]]:
        """The second that it is, and when each was seen last, as far as it is still known: one question."""
        raise NotImplementedError

    def to_write(self) -> Iterator[Sequence[Seen]]:
        """Who was seen since this was last called to its end: once each, in parts, each of which is written then."""
        raise NotImplementedError

    def written(self, part: Sequence[Seen]) -> None:
        """A part has been written to the database."""

    def changes(self, area: str, first: int | None, seconds: int, at: int | None = None) -> list[Change]:
        """Who came and left in the seconds that are over, of which nobody was told yet.

        Args:
            area: where.
            first: the first of them; None for the last one that is over.
            seconds: after how many seconds without a report somebody has gone.
            at: the second that it is.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of connections."""


def chunks(values: Iterable[str], size: int) -> Iterator[list[str]]:
    """Some at a time."""
    part: list[str] = []
    for value in values:
        part.append(value)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
