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
import os
import subprocess
import sys
from pathlib import Path

import django

from ..comparison import HEAD, Comparison, Run
from ..sdists import CACHE, unpacked
from .expected import CHANGED, UNSEEN

ROOT = Path(__file__).resolve().parents[3]

#: The parts of the suite that write rows, of many kinds and in many ways.
LABELS = Path(__file__).with_name("labels.txt").read_text().split()


def main() -> int:
    options = parse_arguments()
    tests = unpacked("Django", django.__version__) / "tests"
    print(HEAD, flush=True)
    comparisons = []
    for label in options.labels or LABELS:
        if (tests / label.split(".")[0]).is_dir():
            comparisons.append(compare(tests, label, options))
        else:
            print(f"{label:<28} is not part of Django {django.__version__}")
    bad = [comparison.part for comparison in comparisons if not comparison.ok]
    print(f"{len(comparisons) - len(bad)} parts as without counters, {len(bad)} not: {' '.join(bad)}")
    return 1 if bad or not comparisons else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="*")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--capture", choices=["signals", "triggers"], default="signals")
    parser.add_argument("--commit", action="store_true", help="commit what a TestCase does, instead of rolling it back")
    parser.add_argument("--fresh", action="store_true", help="run the suite without counters even where it was run")
    parser.add_argument("-v", "--verbose", action="store_true", help="whole tracebacks, and what the suite prints")
    return parser.parse_args()


def compare(tests: Path, label: str, options: argparse.Namespace) -> Comparison:
    results = CACHE / f"results-{django.__version__}-{options.database}{'-commit' * options.commit}"
    results.mkdir(exist_ok=True)
    bare, counted = results / f"{label}.bare.json", results / f"{label}.{options.capture}.json"
    if options.fresh or not bare.exists():
        run(tests, label, bare, "", options)
    run(tests, label, counted, options.capture, options)
    unseen = UNSEEN if options.capture == "signals" else ()
    comparison = Comparison(label, Run.read(bare), Run.read(counted), CHANGED, unseen)
    print(comparison.summary(), *comparison.details(options.verbose), sep="\n", flush=True)
    return comparison


def run(tests: Path, label: str, result: Path, capture: str, options: argparse.Namespace) -> None:
    result.unlink(missing_ok=True)
    command = [sys.executable, "runtests.py", "--settings=tests.suites.django.settings", "--noinput", "--parallel=1"]
    environment = {
        "NC_DATABASE_URL": os.environ["POSTGRESQL_URL"] if options.database == "postgresql" else "",
        "NC_SUITES_CAPTURE": capture,
        "NC_SUITES_COMMITS": "1" * options.commit,
        "NC_SUITES_RESULT": str(result),
        "PYTHONPATH": str(ROOT),
    }
    said = result.with_suffix(".txt")
    with said.open("w") as output:
        environment = {**os.environ, **environment}
        subprocess.run([*command, label], cwd=tests, env=environment, stdout=output, stderr=subprocess.STDOUT)
    if options.verbose or not result.exists():
        print(said.read_text())


if __name__ == "__main__":
    sys.exit(main())
