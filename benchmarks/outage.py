"""Redis is away for a while: how many notifications are created before, meanwhile and after, and how fast.

    python -m benchmarks.outage [--seconds 20] [--writers 2] [--users 100]

The server is stopped (SIGSTOP), so that it accepts connections and answers nothing: the worst case, in which every try
costs a time-out. Prints the rate, the 99th percentile and the longest of `create()`, and how many failed; and at the
end, one flush after the grace time, how many of all users' values are wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .environment import postgresql_and_valkey

#: Seconds before and after.
AROUND = 10


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--write-until", help=argparse.SUPPRESS)
    return parser.parse_args()


def write(end: Path, users: int) -> None:
    """Print when each creation began, how long it took, and whether it succeeded."""
    import django

    django.setup()
    from notifications_counter.models import Notification

    took: list[tuple[float, float, bool]] = []
    while not end.exists():
        began, good = time.time(), True
        try:
            Notification.objects.create(user_id=random.randrange(1, users + 1), text="on and on")
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            good = False
        took.append((began, time.time() - began, good))
    json.dump(took, sys.stdout)


def outage(seconds: float) -> list[float]:
    """Let the server be away for a while; the moments at which things change."""
    from notifications_counter.buffers import buffers

    process = buffers["default"].server.client.info("server")["process_id"]  # type: ignore[attr-defined]
    time.sleep(2)  # the writers start
    moments = [time.time()]
    time.sleep(AROUND)
    os.kill(process, signal.SIGSTOP)
    try:
        moments.append(time.time())
        time.sleep(seconds)
    finally:
        os.kill(process, signal.SIGCONT)
    moments.append(time.time())
    time.sleep(AROUND)
    return [*moments, time.time()]


def show(name: str, took: list[tuple[float, float, bool]], seconds: float) -> float:
    """Print one line; the 99th percentile in milliseconds."""
    times = sorted(1000 * one for _, one, _ in took)
    p99, failed = times[len(times) * 99 // 100], sum(not good for _, _, good in took)
    rate = len(times) / seconds
    print(f"{name:<22} {rate:>8,.0f} a second   p99 {p99:>7.1f} ms   longest {times[-1]:>8.1f} ms   {failed} failed")
    return p99


def measure(options: argparse.Namespace) -> None:
    from django.contrib.auth.models import User

    User.objects.bulk_create([User(pk=pk, username=f"user{pk}") for pk in range(1, options.users + 1)])
    with tempfile.TemporaryDirectory() as directory:
        end = Path(directory) / "end"
        writer = [sys.executable, "-m", "benchmarks.outage", "--users", str(options.users), "--write-until", str(end)]
        writers = [subprocess.Popen(writer, stdout=subprocess.PIPE, text=True) for _ in range(options.writers)]
        try:
            moments = outage(options.seconds)
        finally:
            end.touch()
        took = [tuple(one) for each in writers for one in json.loads(each.communicate(timeout=60)[0])]
    show_phases(took, moments)
    print(f"values that are wrong {wrong_in_the_end()}")


def show_phases(took: list[tuple[float, float, bool]], moments: list[float]) -> None:
    p99 = []
    for name, begin, end in zip(("before", "without Redis", "after"), moments, moments[1:], strict=False):
        p99.append(show(name, [one for one in took if begin <= one[0] < end], end - begin))
    print(f"p99 without Redis / before: {p99[1] / p99[0]:.2f} times; after / before: {p99[2] / p99[0]:.2f} times")


def wrong_in_the_end() -> int:
    from django.db.models import Count

    from notifications_counter.buffers import buffers
    from notifications_counter.models import Notification, UserNotificationsCount

    counter = UserNotificationsCount.counter
    time.sleep(buffers["default"].intent_grace + 1)  # type: ignore[attr-defined]
    counter.flush()
    true = dict(Notification.objects.filter(has_read=False).values_list("user_id").annotate(Count("pk")))
    return sum(value != true[user] for user, value in counter.values(true).items())


def main() -> None:
    options = arguments()
    if options.write_until:
        write(Path(options.write_until), options.users)
        return
    with postgresql_and_valkey():
        measure(options)


if __name__ == "__main__":
    main()
