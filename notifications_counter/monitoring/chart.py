"""A chart of the history of flushes: a bar a minute, as numbers that a template draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..ledger.tables import FlushRecord

#: Of the drawing, in its own units: a bar's width with its gap, and the height of the highest.
STEP, HIGH = 6, 100


@dataclass(frozen=True)
class Bar:
    """One minute in which something was flushed.

    Attributes:
        minute: when it began.
        keys: how many sums the flushes added.
        drifted: how many wrong counts they found.
        x, y, height: where the bar stands.
    """

    minute: datetime
    keys: int
    drifted: int
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Chart:
    """All bars, and what they are drawn on.

    Attributes:
        bars: in the order of time.
        most: the keys of the highest bar.
        keys: the keys of all.
        width, height: of the drawing.
        first, last: its first and its last minute.
    """

    bars: list[Bar]
    most: int
    keys: int
    width: int
    height: int
    first: datetime
    last: datetime

    @property
    def bar_width(self) -> int:
        return STEP - 1


def chart_of(records: Iterable[FlushRecord], last: datetime, minutes: int) -> Chart:
    """A bar for each of the last so many minutes in which flushes of some counters changed anything."""
    first = last - timedelta(minutes=minutes - 1)
    keys: Counter[datetime] = Counter()
    drifted: Counter[datetime] = Counter()
    for record in records:
        keys[record.minute] += record.keys
        drifted[record.minute] += record.drifted
    most = max(keys.values(), default=0)
    bars = [_bar(minute, first, number, drifted[minute], most) for minute, number in sorted(keys.items())]
    return Chart(bars, most, sum(keys.values()), minutes * STEP, HIGH, first, last)


def _bar(minute: datetime, first: datetime, keys: int, drifted: int, most: int) -> Bar:
    height = max(1, round(HIGH * keys / max(most, 1)))  # a minute of recounts alone is seen, too
    x = STEP * round((minute - first).total_seconds() / 60)
    return Bar(minute, keys, drifted, x, HIGH - height, height)
