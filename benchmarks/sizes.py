"""What a run of growth.py has found: a cost at each size, and its slope."""

from __future__ import annotations

from math import log
from statistics import linear_regression
from typing import Any

from .report import line_up, seconds, size


def head(sizes: list[dict[str, Any]]) -> list[str]:
    return ["cost", *(f"{each['users']:,}" for each in sizes), "slope"]


def show(sizes: list[dict[str, Any]]) -> None:
    line_up([head(sizes), *rows(sizes)], "<" + ">" * 9)


def rows(sizes: list[dict[str, Any]]) -> list[list[str]]:
    """A line for each cost: what it is at each size, and its slope."""
    units = {name: cost["unit"] for each in sizes for name, cost in each["costs"].items()}
    made = []
    for name, unit in units.items():
        known = medians(sizes, name)
        amounts = ((seconds if unit == "seconds" else size)(known[users]) for users in known)
        missing = [""] * (len(sizes) - len(known))
        made.append([name, *amounts, *missing, f"{slope(known):.2f}" if len(known) > 1 else ""])
    return made


def medians(sizes: list[dict[str, Any]], name: str) -> dict[int, float]:
    """Users -> cost, for the sizes at which it is known."""
    return {each["users"]: each["costs"][name]["median"] for each in sizes if name in each["costs"]}


def slope(known: dict[int, float]) -> float:
    """Of the line through users -> cost, both as logarithms."""
    return linear_regression([log(users) for users in known], [log(cost) for cost in known.values()]).slope
