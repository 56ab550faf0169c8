#!/usr/bin/env python
"""Runs the tests on every database and buffer that can be had, in as many processes as there are processors.

SQLite and a real Valkey always; PostgreSQL and MariaDB where POSTGRESQL_URL and MARIADB_URL say where they are
(as `postgresql://user:password@host:port/name`; the tests make databases of their own beside that name).
"""

import argparse
import collections
import dataclasses
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.extents import BUFFERS, SUITES, effort, extents_of
from tests.support.queue import Queue
from tests.support.report import Outcome, outcome_of, print_slowest, print_table, print_unsteady, print_wants
from tests.support.runner import end_like_ctrl_c
from tests.support.walks import SEED
from tests.support.workers import Pair, Workers, workers

URL_VARIABLES = {"sqlite": None, "postgresql": "POSTGRESQL_URL", "mariadb": "MARIADB_URL"}
#: The pairs whose tests take longest begin first.
SLOWEST_FIRST = ["mariadb", "postgresql", "sqlite"]
IN_CI = os.environ.get("CI") == "true"


def main() -> int:
    hang_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]  # nohup lets it be ignored
    end_like_ctrl_c(signal.SIGINT, signal.SIGTERM, *hang_up)
    options = parse_arguments()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="notifications_counter-") as directory:
        environment = environment_of(options, directory)
        with workers(options.processes, environment) as (running, no_valkey):
            missing = missing_databases(options)
            if no_valkey and "redis" in (options.buffer or BUFFERS):
                missing["redis"] = no_valkey
            pairs = pairs_of(options, missing, Path(directory))
            announce(options, pairs, missing)
            running.run(pairs)
            if options.again:
                run_again(options, running, pairs)
        outcomes = [outcome_of(pair) for pair in pairs]
    print_slowest(outcomes, options.durations)
    print_table(outcomes, time.monotonic() - began)
    print_unsteady(outcomes)
    return conclude(options, outcomes, missing)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="*", help="as tests.flushing, or tests.flushing.test_kills; all if none")
    parser.add_argument("--most", action="store_true", help="also many processes and random walks on each server")
    parser.add_argument(
        "--all",
        action="store_true",
        help="also servers that fail, outages, rolling moves, cron",
    )
    parser.add_argument("--long", action="store_true", help="all, with random walks 20 times as long as that")
    parser.add_argument("--database", action="append", choices=list(URL_VARIABLES), help="repeatable; default: all")
    parser.add_argument("--buffer", action="append", choices=BUFFERS, help="repeatable; default: both")
    parser.add_argument("--suite", choices=list(SUITES), help="only the counters, or only the apps built on them")
    parser.add_argument(
        "--processes",
        type=int,
        default=default_processes(),
        metavar="N",
        help="default: processors + 1",
    )
    parser.add_argument("--keepdb", action="store_true", help="keep the test databases for the next run")
    parser.add_argument("--again", action="store_true", help="run what has failed once more, alone, and name it")
    parser.add_argument("--failfast", action="store_true", help="end each pair's run at its first failure")
    parser.add_argument("-k", action="append", metavar="PATTERN", help="only tests whose name matches; repeatable")
    parser.add_argument("--durations", type=int, default=10, metavar="N", help="name the N slowest tests; default: 10")
    parser.add_argument("-v", "--verbosity", type=int, nargs="?", const=2, default=1, choices=range(4))
    return parser.parse_args()


def default_processes() -> int:
    """One more than there are processors, because tests wait a lot."""
    return processors() + 1


def processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def missing_databases(options: argparse.Namespace) -> dict[str, str]:
    """Of the ones that are to be tested, with the reason."""
    wanted = options.database or list(URL_VARIABLES)
    variables = {database: variable for database, variable in URL_VARIABLES.items() if variable}
    return {name: f"{variables[name]} is not set" for name in variables.keys() & wanted if not url_of(name)}


def url_of(database: str) -> str:
    return os.environ.get(URL_VARIABLES[database] or "", "")


def pairs_of(options: argparse.Namespace, missing: dict[str, str], directory: Path) -> list[Pair]:
    wanted = [name for name in SLOWEST_FIRST if name in (options.database or URL_VARIABLES) and name not in missing]
    return [
        Pair(
            database,
            buffer,
            url_of(database),
            Queue(directory / f"{suite}-{database}-{buffer}"),
            command(options, suite, extent.labels, extent.without),
            suite,
            extent.effort,
            extent.without,
        )
        for database in wanted
        for buffer in reversed(options.buffer or BUFFERS)
        for suite, extent in extents_of(options, database, buffer, wanted).items()
        if buffer not in missing
    ]


def run_again(options: argparse.Namespace, running: Workers, pairs: list[Pair]) -> None:
    """Run the classes that have failed once more: a machine that does much else misses times that tests set."""
    for pair in pairs:
        if names := pair.queue.failed():
            directory = pair.queue.directory
            again = command(options, pair.suite, names, pair.without)
            queue = Queue(directory.with_name(f"{directory.name}-again"))
            pair.again = dataclasses.replace(pair, queue=queue, command=again, started=0, statuses=[], seconds=0.0)
    running.run_alone([pair.again for pair in pairs if pair.again])


def announce(options: argparse.Namespace, pairs: list[Pair], missing: dict[str, str]) -> None:
    what = " ".join([*options.labels, *(f"-k {pattern}" for pattern in options.k or ())]) or "All tests"
    if not (options.long or options.all or options.labels or options.k):
        what += " but those that take longest: servers that fail, outages, rolling moves (--all runs them too)"
    print(f"{what}.")
    if effort(options) == "quick":
        print(
            "Many processes and random walks on SQLite alone, and elsewhere what depends on the database or the buffer"
            " (--most has it all)."
        )
    print(f"On: {', '.join(pair.name for pair in pairs) or 'nothing'}; processes: {options.processes}.")
    for name, reason in missing.items():
        print(f"Not on {name}: {reason}.")
    if not options.long:
        print("Random walks are short: --long runs everything, with walks 20 times as long as --all.")
    print(f"Their seed: NC_SEED={SEED} repeats them.\n", flush=True)


def environment_of(options: argparse.Namespace, directory: str) -> dict[str, str]:
    environment = {**os.environ, "NC_SEED": str(SEED)}
    if not options.keepdb:
        environment["NC_TEST_DIR"] = directory
    return environment


def command(options: argparse.Namespace, suite: str, labels: Sequence[str], without: Sequence[str]) -> list[str]:
    verbosity = 0 if options.verbosity == 1 else options.verbosity
    arguments = [sys.executable, "-m", "django", "test", f"--settings={SUITES[suite][0]}", "--noinput"]
    arguments += [f"--verbosity={verbosity}"]
    arguments += ["--keepdb"] * options.keepdb + ["--failfast"] * options.failfast
    arguments += [f"--exclude-tag={tag}" for tag in without]
    arguments += [f"-k={pattern}" for pattern in options.k or ()]
    return [*arguments, *labels]


def conclude(options: argparse.Namespace, outcomes: list[Outcome], missing: dict[str, str]) -> int:
    print_wants(outcomes, missing)
    wanted = {*(options.database or ()), *(options.buffer or ())}
    lacking = missing.keys() if IN_CI else wanted & missing.keys()
    numbers: collections.Counter[str] = collections.Counter()
    for outcome in outcomes:
        numbers.update(outcome.numbers)
    if lacking:
        print(f"Failed for want of: {', '.join(sorted(lacking))}")
    elif not numbers.total():
        print("Failed, because no test ran.")
    print(f"{numbers['passed']} passed, {numbers['failed']} failed, {numbers['skipped']} skipped", flush=True)
    return 1 if numbers["failed"] or lacking or not numbers.total() else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
