"""Counting a stream from the embedded log into PostgreSQL, beside a bare consumer that only counts in memory.

    POSTGRESQL_URL=... python -m benchmarks stream [--long] [--messages 200000] [--keys 10000] [--rounds 5]

Prints how many messages a second one process emits, reads and counts in memory, and counts exactly once in a table, the
latter two in turn over the same messages, in fresh processes; and whether every count is right. The first round inserts
the rows of the table, the others change them. With --long there are 1,000,000 messages, with 10,000 and with 1,000,000
keys.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from .environment import execute, postgresql_and_valkey, table
from .stream_parts import counts_of, declared, emit, key_of, of_counts, topic

TOPIC, PARTITIONS = "benchmark", 10


def bare(chunk: int) -> dict[str, Any]:
    """Read everything, and count it in memory."""
    from notifications_counter.contrib.streams.codecs import can_decode_all, codec_of
    from notifications_counter.contrib.streams.logs import get_log
    from notifications_counter.contrib.streams.logs.base import Position, TopicPartition, key_counts_of, values_of

    log = get_log()
    uid, left = log.topic(TOPIC).uid, sum(log.ends(TOPIC).values())
    counts: Counter[str | None] = Counter()
    began, messages = time.perf_counter(), left
    reader = log.reader("bare")
    reader.assign({TopicPartition(TOPIC, number): Position(0, uid) for number in range(PARTITIONS)})
    while left:
        batch = reader.poll(chunk, 10)
        assert batch is not None
        assert can_decode_all(codec_of(str), values_of(batch.records))
        counts.update(key_counts_of(batch.records))
        left -= len(batch.records)
    return {"rate": messages / (time.perf_counter() - began), "keys": len(counts)}


def count(chunk: int) -> dict[str, Any]:
    """Count everything in the table."""
    from notifications_counter.contrib.streams.logs import get_log
    from notifications_counter.contrib.streams.running import Runner

    messages = sum(get_log().ends(TOPIC).values())
    runner, began = Runner(declared(TOPIC, chunk_size=chunk), once=True), time.perf_counter()
    runner.run()
    return {"rate": messages / (time.perf_counter() - began)}


def part(name: str, chunk: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.stream", "--part", name, f"--chunk={chunk}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def start_anew() -> None:
    from notifications_counter.contrib.streams.models import Group

    Group.objects.all().delete()
    execute("CHECKPOINT")


def measure(messages: int, keys: int, rounds: int, chunk: int) -> None:
    from notifications_counter.contrib.streams.models import Message
    from tests.streams.models import UserClicks

    print(f"{messages:,} messages, {keys:,} keys, {PARTITIONS} partitions, {chunk:,} messages a transaction")
    print(f"  emitted by one process, each confirmed          {emit(TOPIC, messages, keys):>10,.0f} a second")
    execute(f"VACUUM ANALYZE {table(Message)}")
    rates: dict[str, list[float]] = {"bare": [], "table": []}
    for _ in range(rounds + 1):
        start_anew()
        for name, found in rates.items():
            found.append(part(name, chunk)["rate"])
        execute(f"VACUUM ANALYZE {table(UserClicks)}")
    first = rates["table"].pop(0)
    rates["bare"].pop(0)
    ratios = [ours / limit for ours, limit in zip(rates["table"], rates["bare"], strict=True)]
    print(f"  read and counted in memory, the limit           {statistics.median(rates['bare']):>10,.0f} a second")
    print(f"  counted in the table, exactly once              {statistics.median(rates['table']):>10,.0f} a second")
    print(f"  the first time, where each key gets its row     {first:>10,.0f} a second")
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"  ratio to the limit                              {statistics.median(ratios):>10.2f} ({spread}; goal 0.7)")
    expected = Counter(key_of(number, keys) for number in range(messages))
    found = dict(UserClicks.objects.values_list("user", "clicks"))
    wrong = sum(found.get(key) != number * (rounds + 1) for key, number in expected.items())
    print(f"  wrong counts                                    {wrong:>10,}")
    if wrong:
        sys.exit(1)


def main() -> None:
    options = counts_of(of_counts(__doc__, messages=200_000, rounds=5))
    if options.part:
        import django

        django.setup()
        gc.freeze()  # as the command does
        print(json.dumps(bare(options.chunk) if options.part == "bare" else count(options.chunk)))
        return
    with postgresql_and_valkey(buffer="database", settings="tests.apps_settings"):
        os.environ["NC_STREAMS"] = "{}"
        for keys in options.keys:
            with topic(TOPIC, PARTITIONS):
                measure(options.messages, keys, options.rounds, options.chunk)


if __name__ == "__main__":
    main()
