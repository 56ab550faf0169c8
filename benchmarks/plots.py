"""Draws what a run of growth.py has found, as SVG. Needs the extra benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .report import seconds, size
from .sizes import medians, slope

#: Part of the page -> the costs that it shows, by how their names begin.
PLOTS = {
    "read": ("Time of a read", "read, "),
    "write": ("Time of a create", "create, "),
    "flush": ("Time of a flush, per user", "flush, ", ", of a user"),
    "redis": ("Memory per user", "Redis, "),
    "process": ("Peak memory of the process", "flush, ", ", peak of the process"),
}

#: Colours that are told apart by everybody (Okabe and Ito), a mark for those who print, and the place of the bars.
LOOKS = (("#0072b2", "o", 1.0), ("#d55e00", "s", 0.95), ("#009e73", "^", 1.05))

#: The same file for the same data.
matplotlib.rcParams["svg.hashsalt"] = "growth"
matplotlib.rcParams["font.size"] = 10


def draw(file: Path) -> None:
    sizes = json.loads(file.read_text())["sizes"]
    for name, (label, begin, *end) in PLOTS.items():
        costs = {cost: unit for each in sizes for cost, unit in _units(each) if cost.startswith(begin)}
        chosen = {cost: unit for cost, unit in costs.items() if cost.endswith(tuple(end) or "")}
        target = file.with_name(f"{file.stem}-{name}.svg")
        plot(sizes, label, chosen, len(begin), len("".join(end)), target)
        print(target)


def _units(each: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, cost["unit"]) for name, cost in each["costs"].items()]


def plot(sizes: list[dict[str, Any]], label: str, costs: dict[str, str], start: int, cut: int, target: Path) -> None:
    """Draw costs that have one unit.

    Args:
        sizes: what was measured.
        label: of the axis of costs.
        costs: their names, and units.
        start: where the part of a name begins by which it differs from the others.
        cut: how many characters at the end of the names are those of all.
        target: the file.
    """
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, (colour, mark, beside) in zip(costs, LOOKS, strict=False):
        known = medians(sizes, name)
        low, high = ([each["costs"][name][end] for each in sizes if name in each["costs"]] for end in ("low", "high"))
        shown = name[start : len(name) - cut]
        axes.plot(*zip(*known.items(), strict=True), color=colour, marker=mark, label=f"{shown} ({slope(known):+.2f})")
        axes.vlines([users * beside for users in known], low, high, color=colour, alpha=0.35, linewidth=4)
    axes.set(xscale="log", yscale="log", xlabel="Users", ylabel=label)
    amount = seconds if "seconds" in costs.values() else size
    axes.set_xticks([each["users"] for each in sizes], [f"{each['users']:,}" for each in sizes])
    several_decades(axes)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=8, columnspacing=1)
    figure.savefig(target, metadata={"Date": None, "Creator": None}, facecolor="white")


def several_decades(axes: Any) -> None:
    """At least two, so that what hardly changes looks like it."""
    low, high = axes.get_ylim()
    middle = (low * high) ** 0.5
    axes.set_ylim(min(low, middle / 10), max(high, middle * 10))
