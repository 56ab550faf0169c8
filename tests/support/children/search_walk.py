"""Change what is searched in every way, at random, as one of several processes, until a number of changes were made."""

import random
import sys
from contextlib import suppress

import django


def main(seed: int, number: int) -> None:
    django.setup()
    from django.db import Error as DatabaseError

    from tests.search.walk import STEPS

    chance = random.Random(seed)
    for _ in range(number):
        with suppress(DatabaseError):  # a deadlock, or a row that another process has deleted
            chance.choice(STEPS)(chance)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
