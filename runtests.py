#!/usr/bin/env python
"""Runs the tests on every database and buffer that can be had, each pair in a process of its own.

SQLite and a real Valkey always; PostgreSQL and MariaDB where POSTGRESQL_URL and MARIADB_URL say where they are
(as `postgresql://user:password@host:port/name`; the tests make databases of their own beside that name).
"""

import argparse
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from tests.runner import end_like_ctrl_c
from tests.servers import valkey

HERE = Path(__file__).resolve().parent
URL_VARIABLES = {"sqlite": None, "postgresql": "POSTGRESQL_URL", "mariadb": "MARIADB_URL"}
BUFFERS = ["database", "redis"]
IN_CI = os.environ.get("CI") == "true"


@dataclasses.dataclass
class Outcome:
    database: str
    buffer: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    @property
    def tests(self) -> int:
        return self.passed + self.failed + self.skipped


def main() -> int:
    end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    options = parse_arguments()
    outcomes: list[Outcome] = []
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="notifications_counter-") as directory, redis_url(missing) as url:
        environment = common_environment(options, directory, url)
        for database in available_databases(options, missing):
            for buffer in options.buffer or BUFFERS:
                if buffer not in missing:
                    outcomes.append(run(database, buffer, environment, options))
    report(outcomes, missing)
    wanted = {*(options.database or ()), *(options.buffer or ())}
    lacking = missing if IN_CI else wanted & set(missing)
    total = sum(outcome.tests for outcome in outcomes)
    if lacking:
        print(f"Failed for want of: {', '.join(sorted(lacking))}")
    elif not total:
        print("Failed, because no test ran.")
    failed = sum(outcome.failed for outcome in outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    print(f"{passed} passed, {failed} failed, {total - passed - failed} skipped", flush=True)
    return 1 if failed or lacking or not total else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="*", default=["tests"], help="as tests.test_flush; all of tests/ if none")
    parser.add_argument("--database", action="append", choices=list(URL_VARIABLES), help="repeatable; default: all")
    parser.add_argument("--buffer", action="append", choices=BUFFERS, help="repeatable; default: both")
    parser.add_argument("--long", action="store_true", help="ten times as many random operations, and kills")
    parser.add_argument("--short", action="store_true", help="without the tests that take longest: servers that fail")
    parser.add_argument("--keepdb", action="store_true", help="keep the test databases for the next run")
    parser.add_argument("--failfast", action="store_true", help="end each pair's run at its first failure")
    parser.add_argument("-k", action="append", metavar="PATTERN", help="only tests whose name matches; repeatable")
    parser.add_argument("--durations", type=int, metavar="N", help="name the N slowest tests (Python 3.12 or newer)")
    parser.add_argument("-v", "--verbosity", type=int, nargs="?", const=2, default=1, choices=range(4))
    return parser.parse_args()


def available_databases(options: argparse.Namespace, missing: dict[str, str]) -> list[str]:
    databases = []
    for database, variable in URL_VARIABLES.items():
        if options.database and database not in options.database:
            continue
        if variable and not os.environ.get(variable):
            missing[database] = f"{variable} is not set"
        else:
            databases.append(database)
    return databases


@contextlib.contextmanager
def redis_url(missing: dict[str, str]) -> Iterator[str]:
    """Of one server for the whole run, whichever buffer is tested; empty if there can be none."""
    with contextlib.ExitStack() as stack:
        url = ""
        try:
            url = stack.enter_context(valkey())
        except Exception as error:  # whatever it is, the other buffer can be tested
            missing["redis"] = f"Valkey does not run here: {error}"
        yield url


def common_environment(options: argparse.Namespace, directory: str, url: str) -> dict[str, str]:
    environment = {**os.environ, "NC_REDIS_URL": url, "NC_RESULT": str(Path(directory) / "result.json")}
    if not options.keepdb:
        environment["NC_TEST_DIR"] = directory
    if options.long:
        environment["NC_LONG"] = "1"
    return environment


def run(database: str, buffer: str, environment: dict[str, str], options: argparse.Namespace) -> Outcome:
    print(f"\n=== {database}, buffer {buffer}", flush=True)
    variable = URL_VARIABLES[database]
    url = os.environ[variable] if variable else ""
    if redis_url := environment["NC_REDIS_URL"]:
        Redis.from_url(redis_url).flushall()  # of the pair before
    result = Path(environment["NC_RESULT"])
    result.unlink(missing_ok=True)
    start = time.monotonic()
    status = call(command(options), {**environment, "NC_DATABASE_URL": url, "NC_BUFFER": buffer})
    outcome = Outcome(database, buffer, seconds=time.monotonic() - start)
    if result.exists():
        outcome = dataclasses.replace(outcome, **json.loads(result.read_text()))
    if status and not outcome.failed:
        print(f"=== {database}, buffer {buffer}: ended with status {status}", flush=True)
        outcome.failed = 1
    return outcome


def command(options: argparse.Namespace) -> list[str]:
    arguments = [sys.executable, "-m", "django", "test", "--settings=tests.settings", "--noinput"]
    arguments += [f"--verbosity={options.verbosity}"]
    arguments += ["--keepdb"] * options.keepdb + ["--failfast"] * options.failfast
    arguments += [f"--durations={options.durations}"] * bool(options.durations)
    arguments += ["--exclude-tag=long"] * options.short
    arguments += [f"-k={pattern}" for pattern in options.k or ()]
    return [*arguments, *options.labels]


def call(arguments: list[str], environment: dict[str, str]) -> int:
    with subprocess.Popen(arguments, cwd=HERE, env=environment) as process:
        try:
            return process.wait()
        finally:
            if process.poll() is None:
                stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()


def report(outcomes: list[Outcome], missing: dict[str, str]) -> None:
    print(f"\n{'database':<20} {'buffer':<10} {'tests':>7} {'skipped':>8} {'failed':>7} {'seconds':>8}")
    for each in outcomes:
        numbers = f"{each.tests:>7} {each.skipped:>8} {each.failed:>7} {each.seconds:>8.1f}"
        print(f"{each.database:<20} {each.buffer:<10} {numbers}")
    for name, reason in missing.items():
        print(f"not run: {name} ({reason})")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
