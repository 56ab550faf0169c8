"""The memory of a processor, whatever the number of keys.

    POSTGRESQL_URL=... python -m benchmarks stream_keys [--long] [--keys 300000]

Each message of a topic has another key, so that the table gets a row for each. Prints the memory of the process that
counts them when a tenth, a half and all of them are counted, and its peak; and how many messages a second it counts.
With --long there are 10,000,000 keys, for which the server needs some 4 GB. The messages are made by one statement.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

from .environment import execute, postgresql_and_valkey, table
from .stream_parts import GROUP, Process, parser, topic

TOPIC, PARTITIONS = "keys", 10
#: MB.
MOST = 200
PARTS = (0.1, 0.5, 1.0)


def arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--long", action="store_true", help="10,000,000 keys")
    made.add_argument("--keys", type=int, default=300_000)
    options = made.parse_args()
    if options.long:
        options.keys = 10_000_000
    return options


def fill(keys: int) -> None:
    """A message of each key, as the embedded log has them."""
    from notifications_counter.contrib.streams.models import Message, Partition

    execute(
        f'INSERT INTO {table(Message)} (partition_id, "offset", key, value, timestamp, headers)'
        f" SELECT p.id, n / {PARTITIONS}, 'user-' || n, '\\x2f'::bytea, 1700000000000, ''"
        f" FROM generate_series(0, %s - 1) n JOIN {table(Partition)} p ON p.number = n %% {PARTITIONS}",
        keys,
    )
    execute(
        f'UPDATE {table(Partition)} p SET "end" = (SELECT count(*) FROM {table(Message)} WHERE partition_id = p.id)'
    )
    execute(f"VACUUM ANALYZE {table(Message)}")


def megabytes(pid: int, what: str) -> float:
    """The memory of a process that is resident now (``VmRSS``), or was at most (``VmHWM``)."""
    found = re.search(rf"^{what}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1000


def applied() -> int:
    from django.db.models import Sum

    from notifications_counter.contrib.streams.models import Progress

    return Progress.objects.filter(group=GROUP).aggregate(sum=Sum("offset"))["sum"] or 0


def measure(keys: int) -> bool:
    """Print what was measured; whether the counts are right."""
    from django.db.models import Sum

    from tests.streams.models import UserClicks

    process = Process(TOPIC)
    pid, left = process.process.pid, list(PARTS)
    print(f"{keys:,} keys, {PARTITIONS} partitions")
    try:
        process.begin()
        while not (done := applied()):
            time.sleep(0.01)
        began, first = time.monotonic(), done
        while left:
            if (done := applied()) >= left[0] * keys:
                said = f"memory with {done:,} keys counted"
                print(f"  {said:<46}{megabytes(pid, 'VmRSS'):>10.0f} MB", flush=True)
                left.pop(0)
            assert process.process.poll() is None, "the processor has ended"
            time.sleep(0.05)
        seconds, peak = time.monotonic() - began, megabytes(pid, "VmHWM")
    finally:
        process.end()
    print(f"  {'its peak':<46}{peak:>10.0f} MB (at most {MOST})")
    print(f"  {'counted, each key the first time':<46}{(keys - first) / seconds:>10,.0f} a second")
    found = UserClicks.objects.filter(clicks=1).count()
    is_right = found == keys == UserClicks.objects.aggregate(sum=Sum("clicks"))["sum"]
    print(f"  {'wrong counts':<46}{keys - found:>10,}")
    return is_right


def main() -> None:
    options = arguments()
    with postgresql_and_valkey(buffer="database", settings="tests.apps_settings"), topic(TOPIC, PARTITIONS):
        fill(options.keys)
        is_right = measure(options.keys)
    sys.exit(not is_right)


if __name__ == "__main__":
    main()
