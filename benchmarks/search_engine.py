"""A PostgreSQL database and a real OpenSearch, with the index of the benchmarks of search."""

from __future__ import annotations

import argparse
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.servers.engine_node import AS_SHIPPED, running
from tests.servers.opensearch import BUILDS

from .environment import execute, postgresql_and_valkey, table

WORDS = [one + two for one in ("alp", "bet", "gam", "del", "eps") for two in ("ha", "or", "us", "ix")]


def arguments(description: str | None, rows: int, **more: int) -> argparse.Namespace:
    """Options that the benchmarks of search share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=rows)
    parser.add_argument("--long", action="store_true", help="1,000,000 rows")
    parser.add_argument("--version", choices=list(BUILDS), default="3.9.0", help="of OpenSearch")
    for name, value in more.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    options.rows = 1_000_000 if options.long else options.rows
    return options


@contextmanager
def engine(version: str) -> Iterator[Any]:
    """Configure Django with an OpenSearch of its own; the model that is searched."""
    with running(BUILDS[version], heap="1g", java=AS_SHIPPED) as node:
        search = {"SINK": "opensearch", "URL": node.url, "PREFIX": "benchmark-", "TIMEOUT": 60}
        os.environ["NC_SEARCH"] = json.dumps({**search, "AUDIT_INTERVAL": None, "CHUNK_SIZE": 2000})
        with postgresql_and_valkey("database", "tests.apps_settings"):
            from tests.search.models import FoundGoods

            yield FoundGoods


def fill(model: Any, rows: int) -> None:
    """So many rows, behind everybody's back."""
    words = "(ARRAY['" + "','".join(WORDS) + "'])"
    some = " || ' ' || ".join(f"{words}[1 + (n * {prime}) %% {len(WORDS)}]" for prime in (7, 11, 13, 17, 19, 23))
    execute(
        f"INSERT INTO {table(model)} (title, text, price)"
        f" SELECT 'Number ' || n || ' ' || {words}[1 + n %% {len(WORDS)}], {some}, n %% 1000"
        " FROM generate_series(1, %s) n",
        rows,
    )
    execute(f"VACUUM ANALYZE {table(model)}")


def memory() -> float:
    """Megabytes that this process has taken at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
