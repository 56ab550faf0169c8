"""A database of its own on the server of POSTGRESQL_URL, and a Valkey of its own."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.servers import valkey


@contextmanager
def postgresql_and_valkey(buffer: str = "redis") -> Iterator[None]:
    """Configure Django with one of the buffers, and take everything away at the end."""
    url = os.environ.get("POSTGRESQL_URL")
    if not url:
        sys.exit(
            "Set POSTGRESQL_URL, such as postgresql://user:password@127.0.0.1:5432/name, to a server to measure on."
        )
    with valkey() as redis_url:
        os.environ |= {"NC_DATABASE_URL": url, "NC_REDIS_URL": redis_url, "NC_BUFFER": buffer}
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        import django
        from django.db import connection

        django.setup()
        name = str(connection.settings_dict["NAME"])
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


def rates(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """What each measure gives in each round; they take turns, so that a machine's moods meet all of them."""
    found: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for measure, results in zip(measures, found, strict=True):
            results.append(measure())
    return found


def show(name: str, results: list[float]) -> None:
    low, middle, high = min(results), statistics.median(results), max(results)
    print(f"{name:<42} {middle:>12,.0f} a second   ({low:,.0f} to {high:,.0f})")


def show_ratio(name: str, ours: list[float], theirs: list[float]) -> None:
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    print(f"{name:<42} {statistics.median(ratios):>12,.1f} times      ({min(ratios):,.1f} to {max(ratios):,.1f})")
