"""Draws how long a badge takes against counting, from what read.py has found, as SVG. Needs nothing but Python."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from .report import rounded, seconds

#: Which figures it shows: how many unread notifications, and whether the table was vacuumed just before.
COUNTED = re.compile(r"^\.count\(\) of (?P<unread>[\d,]+) unread(?P<vacuumed>, just vacuumed)?$")

#: What a bar stands for, its colour (Okabe and Ito), and its figure: COUNT(*), the same after a vacuum, the badge.
BARS = (("COUNT(*)", "#d55e00"), ("COUNT(*), just vacuumed", "#e69f00"), ("the badge, cached in Redis", "#0072b2"))

#: Seconds at the ends of the axis, and pixels: of the page, of the axis' ends, of a bar and a group of bars.
SHORTEST, LONGEST = 1e-5, 1e-1
WIDTH, LEFT, RIGHT, BAR, GROUP, TOP = 720, 150, 560, 18, 86, 64


def svg(found: dict[str, Any]) -> str:
    """The drawing of a figures.json."""
    groups = list(_groups(found["figures"]))
    height = TOP + GROUP * len(groups) + 44
    lines = [_head(height, groups), *_legend(), *_axis(TOP + GROUP * len(groups))]
    for place, (unread, durations, ratio) in enumerate(groups):
        lines += _group(TOP + GROUP * place, unread, durations, ratio)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _groups(figures: list[dict[str, Any]]) -> Iterator[tuple[str, list[float], float]]:
    """How many unread, the seconds of each bar, and how many times as fast the badge is."""
    known = {(found["unread"], bool(found["vacuumed"])): each for each in figures if (found := _counted(each))}
    for unread in dict.fromkeys(unread for unread, _ in known):
        usual, vacuumed = known[unread, False], known[unread, True]
        yield unread, [usual["theirs"], vacuumed["theirs"], usual["ours"]], usual["ratio"]


def _counted(figure: dict[str, Any]) -> re.Match[str] | None:
    return COUNTED.match(figure["against"]) if figure["module"] == "read" else None


def _head(height: int, groups: list[tuple[str, list[float], float]]) -> str:
    said = "; ".join(f"{unread} unread: {rounded(ratio)} times as fast" for unread, _, ratio in groups)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        ' aria-labelledby="title description" font-family="sans-serif" font-size="13">\n'
        '<title id="title">A badge against COUNT(*)</title>\n'
        f'<desc id="description">Seconds on a logarithmic axis. {said}.</desc>\n'
        "<style>text { fill: #1b1b1b } .end { text-anchor: end } .middle { text-anchor: middle }"
        " .note { fill: #555; font-size: 12px } .grid { stroke: #ccc }</style>\n"
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#fafafa"/>'
    )


def _legend() -> Iterator[str]:
    x = LEFT
    for name, colour in BARS:
        yield f'<rect x="{x}" y="20" width="14" height="14" fill="{colour}"/><text x="{x + 20}" y="32">{name}</text>'
        x += 50 + 7 * len(name)


def _axis(bottom: int) -> Iterator[str]:
    for power in range(round(math.log10(SHORTEST)), round(math.log10(LONGEST)) + 1):
        x = _at(10.0**power)
        yield f'<path class="grid" d="M{x} {TOP - 10}V{bottom}"/>'
        yield f'<text x="{x}" y="{bottom + 18}" class="middle note">{seconds(10.0**power)}</text>'


def _group(y: int, unread: str, durations: list[float], ratio: float) -> Iterator[str]:
    yield f'<text x="{LEFT - 12}" y="{y + 26}" class="end">{unread} unread</text>'
    for place, (duration, (_, colour)) in enumerate(zip(durations, BARS, strict=True)):
        top, end = y + place * (BAR + 4), _at(duration)
        said = seconds(duration) + (f": {rounded(ratio)} times as fast" if place == len(BARS) - 1 else "")
        yield f'<rect x="{LEFT}" y="{top}" width="{end - LEFT:.1f}" height="{BAR}" fill="{colour}"/>'
        yield f'<text x="{end + 6:.1f}" y="{top + 14}">{said}</text>'


def _at(duration: float) -> float:
    part = math.log(duration / SHORTEST) / math.log(LONGEST / SHORTEST)
    return round(LEFT + (RIGHT - LEFT) * part, 1)
