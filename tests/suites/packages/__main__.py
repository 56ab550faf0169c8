"""The suites of two packages for notifications with counters attached to all their models.

    python -m tests.suites.packages [--database sqlite|postgresql] [--generic DIRECTORY] [PART]

Each runs without counters, and with them: captured by signals and by triggers, with each ``TestCase`` rolled back and
committed. No test may end otherwise, and after each every counter must equal ``COUNT(*)`` for all its keys, before a
flush and after it. PostgreSQL is that of POSTGRESQL_URL, and is left out where that is not set.

django-notifications-community has its tests in its source distribution. No release of django-generic-notifications
has: they run from a checkout of its repository (https://github.com/loopwerk/django-generic-notifications), which
--generic names.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from ..comparison import HEAD, Comparison
from ..parts import Part, Way, add_arguments, compare
from ..sdists import unpacked

COMMAND = [sys.executable, "-m", "django", "test", "--settings=tests.suites.packages.settings", "--noinput"]
PARTS = ["community", "community-swapped", "generic"]


def main() -> int:
    options = parse_arguments()
    bad, number = [], 0
    with tempfile.TemporaryDirectory(prefix="notifications_counter-") as directory:
        parts = [part for part in find_parts(options.generic, Path(directory)) if part.name in options.parts]
        for way in ways(options.database):
            print(str(way), HEAD, sep="\n", flush=True)
            for part in parts:
                number += 1
                if not compare(part, way, options, lambda *runs, name=part.name: Comparison(name, *runs)):
                    bad.append(f"{part.name} ({way})")
    print(f"{number - len(bad)} runs as without counters, {len(bad)} not: {'; '.join(bad)}")
    if "generic" in options.parts and not options.generic:
        print("not run: generic (its releases have no tests; give a checkout with --generic)")
    return 1 if bad or not number else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--database", action="append", choices=["sqlite", "postgresql"], help="default: both")
    parser.add_argument("--generic", type=Path, metavar="DIRECTORY", help="of django-generic-notifications")
    add_arguments(parser)
    return parser.parse_args()


def ways(wanted: list[str] | None) -> list[Way]:
    there = ["sqlite", "postgresql"] if os.environ.get("POSTGRESQL_URL") else ["sqlite"]
    return [Way(*each) for each in product(wanted or there, ["signals", "triggers"], [False, True])]


def find_parts(generic: Path | None, directory: Path) -> Iterator[Part]:
    community = unpacked("django-notifications-community")
    for name, more in (("community", {}), ("community-swapped", {"SAMPLE_APP": "1"})):
        environment = {"NC_SUITES_SETTINGS": "notifications.tests.settings", **more}
        yield Part(name, [*COMMAND, "notifications"], community, [community], environment)
    if generic is not None:
        # Beside each other it has a package "tests", as we have.
        for name, there in (("generic_notifications", "generic_notifications"), ("generic_tests", "tests")):
            (directory / name).symlink_to(generic.resolve() / there)
        environment = {"NC_SUITES_SETTINGS": "generic_tests.settings"}
        yield Part("generic", [*COMMAND, "generic_tests"], directory, [directory], environment)


if __name__ == "__main__":
    sys.exit(main())
