"""How many products there are of each status, by minute and by hour: read from counters, never counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifications_counter import Counter

from .models import Category, ProductsByCategory, ProductsByHour, ProductsByMinute, Status, this_hour, this_minute

#: From the bottom of each bar to its top.
STATUSES = (Status.ACTIVE, Status.PROCESSING, Status.INACTIVE)
MINUTES, HOURS = 30, 24
#: Of a chart, in its own units.
WIDTH, HEIGHT, GAP = 600, 120, 2


@dataclass(frozen=True)
class Block:
    """One part of a bar."""

    status: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """What was added in one minute or hour."""

    moment: datetime
    numbers: Sequence[int]
    x: float
    blocks: Sequence[Block]

    @property
    def total(self) -> int:
        return sum(self.numbers)


@dataclass(frozen=True)
class Chart:
    """Bars one beside the other."""

    name: str
    title: str
    unit: str
    bars: Sequence[Bar]
    most: int
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def bar_width(self) -> float:
        return WIDTH / len(self.bars) - GAP

    @property
    def totals(self) -> list[tuple[str, int]]:
        """Label of each status -> how many in all bars."""
        return [(status.label, sum(bar.numbers[place] for bar in self.bars)) for place, status in enumerate(STATUSES)]


def by_status() -> list[dict[str, Any]]:
    """How many products each status has, in all and by category: by three questions, whatever there is."""
    found = [(status, ProductsByCategory.counter.values_of(status)) for status in STATUSES]
    return [
        {
            "status": status,
            "label": status.label,
            "name": status.name.lower(),
            "number": sum(numbers.values()),
            "categories": [(category.label, numbers.get(category.value, 0)) for category in Category],
        }
        for status, numbers in found
    ]


def charts() -> list[Chart]:
    """The last half hour by minute, and the last day by hour."""
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    return [
        _chart("minutes", "Added by minute", "H:i", ProductsByMinute.counter, this_minute(), minute, MINUTES),
        _chart("hours", "Added by hour", "D H:i", ProductsByHour.counter, this_hour(), hour, HOURS),
    ]


def _chart(name: str, title: str, unit: str, counter: Counter, last: datetime, step: timedelta, number: int) -> Chart:
    moments = [last - step * ago for ago in reversed(range(number))]
    values = counter.values([(status, moment) for moment in moments for status in STATUSES])
    rows = [[values[status, moment] for status in STATUSES] for moment in moments]
    most = max(1, *map(sum, rows))
    bars = [
        Bar(moment, row, place * WIDTH / number, list(_blocks(row, most)))
        for place, (moment, row) in enumerate(zip(moments, rows, strict=True))
    ]
    return Chart(name, title, unit, bars, most)


def _blocks(numbers: Sequence[int], most: int) -> Iterator[Block]:
    top = float(HEIGHT)
    for status, number in zip(STATUSES, numbers, strict=True):
        if number > 0:
            height = number / most * HEIGHT
            top -= height
            yield Block(status.name.lower(), round(top, 2), round(height, 2))
