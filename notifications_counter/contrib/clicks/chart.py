"""A chart of the clicks of the last days: a bar a day, as numbers that a template draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Sum

from .models import ClickDay, day_of

#: Days that a chart shows.
DAYS = 30
#: Of the drawing, in its own units: a bar's width with its gap, and the height of the highest.
STEP, HIGH = 20, 120

#: Day -> how many clicks of people, and of programs.
ByDay = Mapping[date, tuple[int, int]]


@dataclass(frozen=True)
class Bar:
    """A day.

    Attributes:
        day: which.
        people, programs: how many clicks of them.
        x: where the bar stands.
        people_height, programs_height: of the two parts of the bar, that of programs above that of people.
    """

    day: date
    people: int
    programs: int
    x: int
    people_height: int
    programs_height: int

    @property
    def people_y(self) -> int:
        return HIGH - self.people_height

    @property
    def programs_y(self) -> int:
        return self.people_y - self.programs_height


@dataclass(frozen=True)
class Chart:
    """All bars, and what they are drawn on.

    Attributes:
        bars: one a day, of all days.
        people, programs: the clicks of all days.
        most: those of the highest bar.
    """

    bars: list[Bar]
    people: int
    programs: int
    most: int

    width, height, bar_width = DAYS * STEP, HIGH, STEP - 4

    @property
    def first(self) -> date:
        return self.bars[0].day

    @property
    def last(self) -> date:
        return self.bars[-1].day


def chart_of(clicks: ByDay, last: date) -> Chart:
    """The chart of the days up to the last one.

    Args:
        clicks: of each day that had any.
        last: the last day.
    """
    days = [last - timedelta(days=DAYS - 1 - place) for place in range(DAYS)]
    numbers = [clicks.get(day, (0, 0)) for day in days]
    most = max(map(sum, numbers))
    bars = [_bar(day, place, *of_day, most) for place, (day, of_day) in enumerate(zip(days, numbers, strict=True))]
    people, programs = (sum(column) for column in zip(*numbers, strict=True))
    return Chart(bars, people, programs, most)


def _bar(day: date, place: int, people: int, programs: int, most: int) -> Bar:
    heights = [max(1, round(HIGH * number / most)) if number > 0 else 0 for number in (people, programs)]
    return Bar(day, people, programs, place * STEP, heights[0], min(heights[1], HIGH - heights[0]))


def chart_of_all() -> Chart:
    """The chart of all links, as of the last flush."""
    last = day_of(datetime.now(UTC))
    days = ClickDay.objects.filter(day__gt=last - timedelta(days=DAYS)).values("day")
    sums = days.annotate(people=Sum("click_count"), programs=Sum("bot_count")).order_by()
    return chart_of({one["day"]: (one["people"], one["programs"]) for one in sums}, last)


def chart_of_link(url: str) -> Chart:
    """The chart of one link, as of now."""
    people, programs = ClickDay.humans.values_of(url), ClickDay.bots.values_of(url)
    days = {day: (people.get(day, 0), programs.get(day, 0)) for day in people.keys() | programs.keys()}
    return chart_of(days, day_of(datetime.now(UTC)))
