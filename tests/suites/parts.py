"""One part of a suite, run by its own runner in a process of its own, without counters and with them."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import django

from .comparison import Comparison, Run
from .sdists import CACHE

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Part:
    """How a part is run.

    Attributes:
        name: as it is called in reports, and in the names of files.
        command: with settings whose TEST_RUNNER is ``tests.suites.runner.Runner``.
        directory: where it is run.
        paths: what it imports besides what is installed.
        environment: what it needs of it.
    """

    name: str
    command: Sequence[str]
    directory: Path
    paths: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """In which database, captured how, and whether a ``TestCase`` commits what it does."""

    database: str = "sqlite"
    capture: str = "signals"
    commits: bool = False

    def __str__(self) -> str:
        return f"{self.database}, {self.capture}{', committed' if self.commits else ''}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fresh", action="store_true", help="run the suite without counters even where it was run")
    parser.add_argument("-v", "--verbose", action="store_true", help="whole tracebacks, and what the suite prints")


def compare(part: Part, way: Way, options: argparse.Namespace, judge: Callable[[Run, Run], Comparison]) -> bool:
    """Run a part, and print what differs.

    Args:
        part: the part.
        way: in which way.
        options: with those of ``add_arguments``.
        judge: makes a comparison of the run without counters and that with them.

    Returns:
        Whether nothing differs that should not.
    """
    results = CACHE / f"results-{django.__version__}-{way.database}{'-committed' if way.commits else ''}"
    results.mkdir(parents=True, exist_ok=True)
    bare, counted = results / f"{part.name}.bare.json", results / f"{part.name}.{way.capture}.json"
    if options.fresh or not bare.exists():
        run(part, bare, "", way, options.verbose)
    run(part, counted, way.capture, way, options.verbose)
    comparison = judge(Run.read(bare), Run.read(counted))
    print(comparison.summary(), *comparison.details(options.verbose), sep="\n", flush=True)
    return comparison.ok


def run(part: Part, result: Path, capture: str, way: Way, verbose: bool) -> None:
    """Run a part once; what it prints is kept beside the result."""
    result.unlink(missing_ok=True)
    environment = {
        **os.environ,
        **part.environment,
        "NC_DATABASE_URL": os.environ["POSTGRESQL_URL"] if way.database == "postgresql" else "",
        "NC_SUITES_CAPTURE": capture,
        "NC_SUITES_COMMITS": "1" if way.commits else "",
        "NC_SUITES_RESULT": str(result),
        "PYTHONPATH": os.pathsep.join(map(str, [*part.paths, ROOT])),
    }
    said = result.with_suffix(".txt")
    with said.open("w") as output:
        subprocess.run(part.command, cwd=part.directory, env=environment, stdout=output, stderr=subprocess.STDOUT)
    if verbose or not result.exists():
        lines = said.read_text().splitlines()
        print(*(lines if verbose else lines[-20:]), sep="\n")
