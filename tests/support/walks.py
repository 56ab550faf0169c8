"""How far tests go whose length is arbitrary, and where random walks begin: elsewhere in each run, which says where.

``NC_SEED`` repeats a run's walks; ``NC_EFFORT`` is quick, most or long, as ``runtests.py`` was asked for.
"""

import os
import random

EFFORT = os.environ.get("NC_EFFORT", "quick")
LONG = EFFORT == "long"

SEED = int(os.environ.get("NC_SEED") or random.randrange(10**6))


def by_effort(quick: int, most: int, long: int) -> int:
    return {"quick": quick, "most": most, "long": long}[EFFORT]


OPERATIONS = by_effort(400, 1_000, 20_000)


def unless_quick(number: int) -> int:
    """So many, or a quarter of them."""
    return by_effort(number // 4, number, number)


def seeds(number: int) -> list[int]:
    """Of so many walks in turn."""
    return [SEED + place for place in range(number)]
