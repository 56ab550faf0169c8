"""The harness: two ways of doing one thing take turns, A B A B, and each round gives one ratio."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

#: Does its work and says how many seconds one piece of it took; what it must prepare is no part of them.
Measure = Callable[[], float]

Measured = TypeVar("Measured")


@dataclass(frozen=True)
class Reach:
    """What a figure is to reach."""

    limit: float
    at_most: bool = True

    def __str__(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.limit:g}"

    def holds(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        what, against: the two ways.
        ours, theirs: the median of each, in seconds or bytes as ``kind`` says.
        ratio: the median of what the rounds gave: a ratio, or a difference where ``unit`` is not "times".
        low, high: the least and the most that a round gave.
        reach: what the ratio is to reach; None for what is only to be known.
        unit: of the ratio.
        kind: what ``ours`` and ``theirs`` are: "seconds" or "bytes".
    """

    what: str
    against: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    reach: Reach | None = None
    unit: str = "times"
    kind: str = "seconds"

    @property
    def reached(self) -> bool | None:
        return None if self.reach is None else self.reach.holds(self.ratio)


def per_call(call: Callable[[], object], seconds: float = 0.01) -> Measure:
    """A measure of a quick call: as many calls a turn as fit into so many seconds, after some to warm up."""
    call()
    number, took = 1, repeat(call, 1)
    while took < seconds / 4:
        number *= 2
        took = repeat(call, number)
    number = max(1, round(number * seconds / took))
    return lambda: repeat(call, number) / number


def repeat(call: Callable[[], object], number: int) -> float:
    calls = range(number)
    started = time.perf_counter()
    for _ in calls:
        call()
    return time.perf_counter() - started


def once(call: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> Measure:
    """A measure of a long call, before each of which something is prepared."""

    def measure() -> float:
        prepare()
        without_old_garbage()
        return repeat(call, 1)

    return measure


def without_old_garbage() -> None:
    """Garbage is collected as in a site; but what was there before is nobody's cost."""
    gc.collect()
    gc.freeze()


def take_turns(rounds: int, *measures: Callable[[], Measured], warm_up: bool = True) -> list[list[Measured]]:
    """What each measure gives in each round; they take turns, so that a machine's moods meet all of them.

    Args:
        rounds: how many.
        measures: what takes turns.
        warm_up: whether to begin with a round that does not count.
    """
    for measure in measures if warm_up else ():
        measure()
    found: list[list[Measured]] = [[] for _ in measures]
    for _ in range(rounds):
        for measure, results in zip(measures, found, strict=True):
            without_old_garbage()
            results.append(measure())
    gc.unfreeze()
    return found


def figure(
    what: str,
    against: str,
    measured: list[list[float]],
    value: Callable[[float, float], float],
    reach: Reach | None,
    unit: str = "times",
    kind: str = "seconds",
) -> Figure:
    """The figure of what both have taken in each round."""
    ours, theirs = measured
    values = [value(one, other) for one, other in zip(ours, theirs, strict=True)]
    medians = map(statistics.median, (ours, theirs, values))
    return Figure(what, against, *medians, min(values), max(values), reach, unit, kind)


def times_as_long(what: str, against: str, measured: list[list[float]], at_most: float | None) -> Figure:
    """How many times as long ours takes."""
    return figure(what, against, measured, lambda ours, theirs: ours / theirs, at_most and Reach(at_most))


def times_as_fast(what: str, against: str, measured: list[list[float]], at_least: float | None = None) -> Figure:
    """How many times as long theirs takes."""
    return figure(what, against, measured, lambda ours, theirs: theirs / ours, at_least and Reach(at_least, False))


def milliseconds_more(what: str, against: str, measured: list[list[float]], at_most: float) -> Figure:
    """How much longer ours takes."""
    return figure(what, against, measured, lambda ours, theirs: 1000 * (ours - theirs), Reach(at_most), "ms")


def times_as_big(what: str, against: str, measured: list[list[float]], at_most: float | None) -> Figure:
    """How many times as many bytes ours takes."""
    reach = at_most and Reach(at_most)
    return figure(what, against, measured, lambda ours, theirs: ours / theirs, reach, kind="bytes")


def megabytes(what: str, against: str, measured: list[list[float]], at_most: float) -> Figure:
    """How many bytes ours takes, whatever theirs takes."""
    return figure(what, against, measured, lambda ours, theirs: ours / 1e6, Reach(at_most), "MB", "bytes")


def bytes_each(what: str, against: str, measured: list[list[float]], at_most: float) -> Figure:
    """How many bytes ours takes, whatever theirs takes."""
    return figure(what, against, measured, lambda ours, theirs: ours, Reach(at_most), "bytes", "bytes")
