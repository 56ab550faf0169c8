"""How long random walks are, and where they begin: somewhere else in each run, which says where."""

import os
import random

LONG = bool(os.environ.get("NC_LONG"))

#: ``NC_SEED`` repeats a run's walks.
SEED = int(os.environ.get("NC_SEED") or random.randrange(10**6))

OPERATIONS = 20_000 if LONG else 1_000


def seeds(number: int) -> list[int]:
    """Of so many walks in turn."""
    return [SEED + place for place in range(number)]
