"""Counting a topic of Kafka into PostgreSQL, beside a bare consumer that counts in memory, Quix Streams and Faust.

    POSTGRESQL_URL=... python -m benchmarks stream_peers [--long] [--messages 100000] [--keys 10000] [--rounds 2]

Each reads the same messages from the beginning, in a process of its own, in turn; the time is that from the first
message to the last. This package counts exactly once, in rows of PostgreSQL; Quix Streams (in RocksDB) and
Faust-streaming (in memory) at least once, each with a changelog in Kafka; the bare consumer keeps nothing. The packages
are installed in an environment that is deleted at the end, or in that of --environment. With --long there are 1,000,000
messages, of 10,000 and of 1,000,000 keys; Faust gets a tenth of them, because it is slow.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .environment import execute, postgresql_and_valkey, table
from .stream_parts import GROUP, LOGS, counts_of, declared, emit, of_counts, topic, with_settings

TOPIC, PARTITIONS = "peers", 10
PACKAGES = ("quixstreams", "faust-streaming")
PEER = Path(__file__).with_name("stream_peer.py")
#: Of Faust, which takes a hundred times as long.
PART_OF_FAUST = 10


def arguments() -> argparse.Namespace:
    parser = of_counts(__doc__, messages=100_000, rounds=2)
    parser.add_argument("--environment", type=Path, help="a virtual environment that has, or gets, the packages")
    return counts_of(parser)


@contextlib.contextmanager
def environment(given: Path | None) -> Iterator[str]:
    """The interpreter of an environment with the packages."""
    with tempfile.TemporaryDirectory(prefix="peers-") as directory:
        path = given or Path(directory)
        python = str(path / "bin" / "python")
        if not Path(python).exists() or not given:
            venv.create(path, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        yield python


def ours(chunk: int) -> dict[str, Any]:
    """Count everything in the table, from when the first messages are there."""
    from notifications_counter.contrib.streams.running import Runner

    first: list[tuple[float, float]] = []
    runner = Runner(declared(TOPIC, chunk_size=chunk), once=True)
    apply = runner.apply

    def timed(batch: Any) -> int:
        first.append((time.perf_counter(), time.process_time()))
        return apply(batch)

    runner.apply = timed  # type: ignore[method-assign]
    runner.run()
    began, used = first[0]
    return {"seconds": time.perf_counter() - began, "processor": time.process_time() - used}


def run(*command: str) -> dict[str, Any]:
    variables = {
        name: value for name, value in os.environ.items() if command[0] == sys.executable or "DJANGO" not in name
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1_800, env=variables)
    found = re.search(r'\{"seconds".*\}', done.stdout)  # amid what they say themselves
    assert found, done.stdout[-2_000:] + done.stderr[-2_000:]
    return dict(json.loads(found[0]))


def peer(python: str, name: str, servers: str, source: str, messages: int, keys: int) -> float:
    """How many messages a second one of the others counts."""
    from notifications_counter.contrib.streams.logs import get_log

    group = f"{name}-{uuid.uuid4().hex[:8]}"
    if name == "faust":  # which fails where the brokers have not yet chosen leaders for the changelog that it has made
        get_log().create_topic(f"{group}-clicks-changelog", PARTITIONS)
    found = run(python, str(PEER), name, group, servers, source, str(messages), str(PARTITIONS))
    assert found["sum"] == messages, f"{name}: {found}"
    assert found["keys"] == min(keys, messages), f"{name}: {found}"
    return messages / float(found["seconds"])


def count(messages: int, chunk: int) -> tuple[float, float]:
    """How many messages a second this package counts, and how many in a second of its process's own processor time."""
    from notifications_counter.contrib.streams.models import Group

    Group.objects.filter(name=GROUP).delete()
    found = run(sys.executable, "-m", "benchmarks.stream_peers", "--part=ours", f"--chunk={chunk}")
    return messages / float(found["seconds"]), messages / float(found["processor"])


def measure(python: str, servers: str, options: argparse.Namespace, keys: int) -> int:
    """Print what was measured; how many counts are wrong."""
    from tests.streams.models import UserClicks

    messages, few = options.messages, f"{TOPIC}-few"
    rates: dict[str, list[float]] = {"bare": [], "ours": [], "core": [], "quix": [], "faust": []}
    for _ in range(options.rounds):
        rates["bare"].append(peer(python, "bare", servers, TOPIC, messages, keys))
        for name, rate in zip(("ours", "core"), count(messages, options.chunk), strict=True):
            rates[name].append(rate)
        execute(f"VACUUM ANALYZE {table(UserClicks)}")
        rates["quix"].append(peer(python, "quix", servers, TOPIC, messages, keys))
        rates["faust"].append(peer(python, "faust", servers, few, messages // PART_OF_FAUST, keys))
    expected = sum(dict(UserClicks.objects.values_list("user", "clicks")).values())
    wrong = abs(expected - messages * options.rounds)
    print(f"{messages:,} messages, {keys:,} keys, {PARTITIONS} partitions, {options.rounds} rounds")
    names = {
        "bare": "a bare consumer, in memory",
        "ours": "this package, in PostgreSQL, exactly once",
        "core": "the same, for each second of a core of its own",
        "quix": "Quix Streams, in RocksDB, at least once",
        "faust": "Faust-streaming, in memory, at least once",
    }
    for name, what in names.items():
        print(f"  {what:<46}{statistics.median(rates[name]):>10,.0f} a second")
    print(f"  {'the first time, where each key gets its row':<46}{rates['ours'][0]:>10,.0f} a second")
    for name, said in {
        "bare": "ratio to the bare consumer (goal 0.7)",
        "quix": "times as fast as Quix (goal 1)",
    }.items():
        ratios = [one / other for one, other in zip(rates["ours"], rates[name], strict=True)]
        print(f"  {said:<46}{statistics.median(ratios):>10.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"  {'wrong counts':<46}{wrong:>10,}", flush=True)
    return wrong


def main() -> None:
    options, wrong = arguments(), 0
    if options.part:
        import django

        django.setup()
        gc.freeze()  # as the command does
        print(json.dumps(ours(options.chunk)))
        return
    with (
        environment(options.environment) as python,
        postgresql_and_valkey(buffer="database", settings="tests.apps_settings"),
        LOGS["kafka"](10) as log,
    ):
        if log is None:
            sys.exit(1)
        servers = log.logs["default"]["OPTIONS"]["SERVERS"]
        for keys in options.keys:
            with with_settings(LOGS=log.logs), topic(TOPIC, PARTITIONS), topic(f"{TOPIC}-few", PARTITIONS):
                emit(TOPIC, options.messages, keys)
                emit(f"{TOPIC}-few", options.messages // PART_OF_FAUST, keys)
                wrong += measure(python, servers, options, keys)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
