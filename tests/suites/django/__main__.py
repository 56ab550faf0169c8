"""Django's own suite with a counter attached to every model that can have one.

    python -m tests.suites.django [--database sqlite|postgresql] [--capture signals|triggers] [--commit] [labels]

A label is a part of the suite (``delete_regress``) or a test in it (``delete.tests.OnDeleteTests.test_cascade``); all
that write rows without one. Each part runs in two processes, without counters (whose outcome is kept for the next time)
and with them. After every test, before its database is put back, every counter must equal ``COUNT(*)`` for all its
keys, before a flush and after it. Numbers of queries may differ: they are counted, and ``assertNumQueries`` passes.
PostgreSQL is that of POSTGRESQL_URL, a role that may create databases.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import django

from ..comparison import HEAD, Comparison, Run
from ..parts import Part, Way, add_arguments, compare
from ..sdists import unpacked
from .expected import CHANGED, UNSEEN

#: The parts of the suite that write rows, of many kinds and in many ways.
LABELS = Path(__file__).with_name("labels.txt").read_text().split()
COMMAND = [sys.executable, "runtests.py", "--settings=tests.suites.django.settings", "--noinput", "--parallel=1"]


def main() -> int:
    options = parse_arguments()
    tests, way = (
        unpacked("Django", django.__version__) / "tests",
        Way(options.database, options.capture, options.commit),
    )
    print(f"Django {django.__version__}: {way}", HEAD, sep="\n", flush=True)
    bad, number = [], 0
    for label in options.labels or LABELS:
        if not (tests / label.split(".")[0]).is_dir():
            print(f"{label} is no part of Django {django.__version__}")
            continue
        number += 1
        if not compare(Part(label, [*COMMAND, label], tests), way, options, judge(label, way)):
            bad.append(label)
    print(f"{number - len(bad)} parts as without counters, {len(bad)} not: {' '.join(bad)}")
    return 1 if bad or not number else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="*")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--capture", choices=["signals", "triggers"], default="signals")
    parser.add_argument("--commit", action="store_true", help="commit what a TestCase does, instead of rolling it back")
    add_arguments(parser)
    return parser.parse_args()


def judge(label: str, way: Way) -> Callable[[Run, Run], Comparison]:
    unseen = UNSEEN if way.capture == "signals" else ()
    return lambda bare, counted: Comparison(label, bare, counted, CHANGED, unseen)


if __name__ == "__main__":
    sys.exit(main())
