"""The memory of a process that flushes many users, against one that flushes a hundredth of them. Linux only.

python -m benchmarks.memory [--long]
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .environment import execute, redis_client, start_anew, table
from .measure import Figure, megabytes, take_turns, times_as_big
from .report import run_alone

AT_ONCE = 10_000
FLUSH = "--flush"


def figures(at_scale: bool) -> Iterator[Figure]:
    from notifications_counter.models import UserNotificationsCount

    many, few = (10_000_000, 100_000) if at_scale else (100_000, 10_000)
    start_anew(1)
    columns = "(user_id, unread_count) SELECT n, 0 FROM generate_series(1, %s) n"
    execute(f"INSERT INTO {table(UserNotificationsCount)} {columns}", many)
    measured = take_turns(1, lambda: flush_elsewhere(many), lambda: flush_elsewhere(few), warm_up=False)
    grown, peaks = ([[numbers[place] for numbers in each] for each in measured] for place in (0, 1))
    what = f"of a flush of {many:,} users"
    yield times_as_big(f"what the memory grows by {what}", f"of one of {few:,}", grown, 1.2)
    yield megabytes(f"the peak memory {what}", f"of one of {few:,}", peaks, 150)


def flush_elsewhere(users: int) -> tuple[int, int]:
    """By how many bytes a fresh process has grown, and how many it had at its peak."""
    buffer(users)
    command = [sys.executable, "-m", "benchmarks.memory", FLUSH, str(users)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    before, peak = map(int, done.stdout.split())
    return peak - before, peak


def buffer(users: int) -> None:
    """As if each user had one more notification; written at once, because the way there is not measured here."""
    from notifications_counter.buffers import buffers
    from notifications_counter.models import UserNotificationsCount

    stored = UserNotificationsCount.counter.store()
    name = f"{buffers['default'].base(stored, 0)}:pending"  # type: ignore[attr-defined]
    for start in range(1, users + 1, AT_ONCE):
        redis_client().zadd(name, dict.fromkeys(range(start, min(start + AT_ONCE, users + 1)), 1))


def flush_here(users: int) -> None:
    """Print what the process had at its peak before the flush, and at the end."""
    import django

    django.setup()
    from notifications_counter.models import UserNotificationsCount

    counter = UserNotificationsCount.counter
    counter.values([1])  # connects
    before = peak()
    flushed = counter.flush()
    assert flushed.ok and flushed.keys == flushed.amount == users, flushed
    print(before, peak())


def peak() -> int:
    """The peak of this process; `getrusage` has that of the one which has started it, too."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    if sys.argv[1:2] == [FLUSH]:
        flush_here(int(sys.argv[2]))
    else:
        run_alone(figures, __doc__)
