"""Common libraries beside counters, by signals and by triggers, against ``COUNT(*)`` after each step.

    python -m tests.suites.libraries [--database NAME] [--capture NAME] [--keep FILE] [--rst FILE] [LIBRARY ...]

Installs the newest release of each by pip into a temporary folder, with the Django that runs this, and plays its
scenario. It prints a row for each, and exits with 1 if a count is wrong; or right, where the catalog says that only
triggers can count. --keep adds what came out to a JSON file, and --rst writes all that is in it as the table of the
documentation. PostgreSQL is that of POSTGRESQL_URL, and
is left out where that is not set.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import django

from tests.support.servers import valkey

from ..parts import ROOT
from .catalog import BOTH, LIBRARIES, Library
from .table import write

CAPTURES = ("signals", "triggers")


@dataclass
class Tried:
    """What came of one library.

    Attributes:
        library: the library.
        version: of the release that was installed.
        results: database and capture -> what ``run`` printed.
    """

    library: Library
    version: str
    results: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        for (database, capture), result in self.results.items():
            where = f"{self.library.project} on {database}, {capture}"
            if result["error"]:
                yield f"{where}: {result['error']}"
            elif self.library.raw and capture == "signals":
                if not result["wrong"]:
                    yield f"{where}: exact, although the catalog says that only triggers count"
            else:
                yield from (f"{where}, {step}: {'; '.join(wrong)}" for step, wrong in result["wrong"].items())


def main() -> int:
    options = parse_arguments()
    wanted = [each for each in LIBRARIES if not options.libraries or each.scenario in options.libraries]
    tried = []
    for library in wanted:
        with tempfile.TemporaryDirectory(prefix="notifications_counter-") as directory:
            tried.append(found := try_library(library, Path(directory), options))
        problems = list(found.problems())
        ran = ", ".join(" ".join(way) for way in found.results)
        print(f"{library.scenario} ({library.project} {found.version}): {ran}", *problems, sep="\n  ", flush=True)
    kept = keep(options.keep, tried)
    if options.rst:
        write(options.rst, kept)
    bad = [found.library.scenario for found in tried if list(found.problems())]
    print(f"{len(tried) - len(bad)} as the catalog says, {len(bad)} not: {', '.join(bad) or 'none'}")
    return 1 if bad or not tried else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [each.scenario for each in LIBRARIES]
    parser.add_argument("libraries", nargs="*", metavar="LIBRARY", choices=[*names, []], help=", ".join(names))
    parser.add_argument("--database", action="append", choices=BOTH, help="default: both")
    parser.add_argument("--capture", action="append", choices=CAPTURES, help="default: both")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="of earlier results, to which these are added")
    parser.add_argument("--rst", type=Path, metavar="FILE", help="where to write the table")
    return parser.parse_args()


def keep(path: Path | None, tried: list[Tried]) -> list[Tried]:
    """The results, with those of earlier runs of which a file tells, in the order of the catalog."""
    found = {each.library.scenario: each for each in tried}
    if path is None:
        return tried
    if path.exists():
        for scenario, (version, results) in json.loads(path.read_text()).items():
            (library,) = (each for each in LIBRARIES if each.scenario == scenario)
            ways = {(database, capture): result for database, capture, result in results}
            found.setdefault(scenario, Tried(library, version, ways))
    written = {
        scenario: [each.version, [[*way, result] for way, result in each.results.items()]]
        for scenario, each in found.items()
    }
    path.write_text(json.dumps(written, indent=1))
    return [found[each.scenario] for each in LIBRARIES if each.scenario in found]


def try_library(library: Library, directory: Path, options: argparse.Namespace) -> Tried:
    constraints = directory / "constraints.txt"
    constraints.write_text(f"Django=={django.get_version()}\n")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    packages = directory / "packages"
    subprocess.run([*command, "--constraint", constraints, "--target", packages, library.project], check=True)
    there = {each.metadata["Name"].lower(): each.version for each in distributions(path=[str(packages)])}
    found = Tried(library, there[library.project.lower()])
    for database in options.database or BOTH:
        if database in library.databases and (database == "sqlite" or os.environ.get("POSTGRESQL_URL")):
            for capture in options.capture or CAPTURES:
                found.results[database, capture] = play(library, packages, database, capture)
    return found


def play(library: Library, packages: Path, database: str, capture: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "NC_DATABASE_URL": os.environ["POSTGRESQL_URL"] if database == "postgresql" else "",
        "NC_SUITES_CAPTURE": capture,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(packages)]),
    }
    command = [sys.executable, "-m", "tests.suites.libraries.run", library.scenario]
    with valkey() if library.redis else nullcontext("") as environment["NC_REDIS_URL"]:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"done": [], "wrong": {}, "error": done.stderr or "it printed nothing"}
    result: dict[str, Any] = json.loads(lines[-1])
    return result


if __name__ == "__main__":
    sys.exit(main())
