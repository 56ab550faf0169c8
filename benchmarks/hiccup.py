"""Redis hesitates for a moment: how many badges are wrong afterwards, until the next flush.

    python -m benchmarks hiccup [--runs 5] [--seconds 1.3] [--processes 20] [--users 200]

The server is stopped for a while (SIGSTOP), while processes create notifications and read badges. Nobody flushes. A
badge counts as wrong if it is below what COUNT(*) was before the read, or above what it was after it, and still so a
fifth of a second later: the push of a commit may be on its way. Prints the share of wrong badges before, meanwhile, in
the first second after the server goes on, and from then on until the flush; and how many are wrong at the end, after a
flush.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from .environment import postgresql_and_valkey

#: Seconds before; and after the first second.
BEFORE, AFTER = 4, 6

PHASES = ("before", "meanwhile", "the first second", "from then on")

#: Seconds that a process rests after each step: a site reads and writes, and its machine is not full.
PAUSE = 0.05

#: Seconds that a push may be on its way, on a machine that is full.
LAG = 0.2

Read = tuple[float, float, bool]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.3)
    parser.add_argument("--processes", type=int, default=20)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--work-until", help=argparse.SUPPRESS)
    return parser.parse_args()


def work(end: Path, users: int) -> None:
    """Create and read in turn; print of each read when it began, when it ended, and whether it was wrong."""
    import django

    django.setup()
    from notifications_counter.models import Notification, UserNotificationsCount

    counter, reads = UserNotificationsCount.counter, []
    while not end.exists():
        Notification.objects.create(user_id=random.randrange(1, users + 1), text="on and on")
        user, began = random.randrange(1, users + 1), time.time()
        unread = Notification.objects.filter(user_id=user, has_read=False)

        def is_wrong(user: int = user, unread: Any = unread) -> bool:
            least = unread.count()
            return not least <= counter.value(user) <= unread.count()

        wrong, ended = is_wrong(), time.time()
        if wrong:
            time.sleep(LAG)
            wrong = is_wrong()
        reads.append((began, ended, wrong))
        (end.parent / str(os.getpid())).touch()
        time.sleep(PAUSE)
    json.dump(reads, sys.stdout)


def hiccup(seconds: float) -> list[float]:
    """Stop the server for a while; the moments at which the phases begin and end."""
    from notifications_counter.buffers import buffers

    process = buffers["default"].server.client.info("server")["process_id"]  # type: ignore[attr-defined]
    moments = [time.time()]
    time.sleep(BEFORE)
    os.kill(process, signal.SIGSTOP)
    try:
        moments.append(time.time())
        time.sleep(seconds)
    finally:
        os.kill(process, signal.SIGCONT)
    moments.append(time.time())
    moments.append(moments[-1] + 1)
    time.sleep(1 + AFTER)
    return [*moments, time.time()]


def run(options: argparse.Namespace) -> tuple[list[float], int]:
    """Of each phase the share of wrong badges; and how many are wrong after a flush."""
    from django.contrib.auth.models import User

    from .environment import start_anew

    start_anew(options.users)
    warm(list(User.objects.values_list("pk", flat=True)))
    with tempfile.TemporaryDirectory() as directory:
        end = Path(directory) / "end"
        worker = [sys.executable, "-m", "benchmarks.hiccup", "--users", str(options.users), "--work-until", str(end)]
        workers = [subprocess.Popen(worker, stdout=subprocess.PIPE, text=True) for _ in range(options.processes)]
        try:
            wait_for(workers, end.parent)
            moments = hiccup(options.seconds)
        finally:
            end.touch()
        reads: list[Read] = [tuple(one) for each in workers for one in json.loads(each.communicate(timeout=60)[0])]
    return shares(reads, moments), wrong_in_the_end()


def wait_for(workers: list[subprocess.Popen[str]], directory: Path) -> None:
    """Until all processes are at work."""
    while len(list(directory.iterdir())) < len(workers):
        if any(worker.poll() is not None for worker in workers):
            sys.exit("A process has ended before its time.")
        time.sleep(0.1)


def warm(users: list[int]) -> None:
    """Every badge has been read, as those of active users have."""
    from notifications_counter.models import UserNotificationsCount

    UserNotificationsCount.counter.flush()
    UserNotificationsCount.counter.values(users)


def shares(reads: list[Read], moments: list[float]) -> list[float]:
    """The share of wrong badges of each phase, of the reads that began and ended in it."""
    found = []
    for begin, end in pairwise(moments):
        inside = [wrong for began, ended, wrong in reads if begin <= began and ended < end]
        if not inside:
            sys.exit("Nobody has read meanwhile: let there be fewer processes.")
        found.append(sum(inside) / len(inside))
    return found


def wrong_in_the_end() -> int:
    from django.db.models import Count

    from notifications_counter.models import Notification, UserNotificationsCount

    counter = UserNotificationsCount.counter
    counter.flush()
    true = dict(Notification.objects.filter(has_read=False).values_list("user_id").annotate(Count("pk")))
    return sum(value != true[user] for user, value in counter.values(true).items())


def measure(options: argparse.Namespace) -> None:
    runs = []
    print("badges that are wrong   " + "  ".join(f"{name:>16}" for name in PHASES) + "  after a flush")
    for number in range(options.runs):
        found, wrong = run(options)
        runs.append(found)
        print(f"run {number + 1:<20}" + "  ".join(f"{share:>16.2%}" for share in found) + f"  {wrong:>13}")
    medians: list[Any] = [statistics.median(one) for one in zip(*runs, strict=True)]
    print(f"{'median':<24}" + "  ".join(f"{share:>16.2%}" for share in medians))


def main() -> None:
    options = arguments()
    if options.work_until:
        work(Path(options.work_until), options.users)
        return
    with postgresql_and_valkey():
        measure(options)


if __name__ == "__main__":
    main()
