"""32 processes that create notifications of one and the same user: how long the slowest hundredth of them takes.

    python -m benchmarks.contention [--long]

Each writer begins its next creation when the last one is committed. Against the counter that everybody writes first: a
signal that updates the user's count in the notification's transaction, so that the writers wait for each other.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from typing import Any

from .create import assert_exact
from .environment import make_count_rows, start_anew
from .measure import Figure, take_turns, times_as_long
from .report import run_alone

WRITERS = 32

processes = multiprocessing.get_context("fork")


def figures(at_scale: bool) -> Iterator[Figure]:
    from notifications_counter.models import Notification, UserNotificationsCount

    from .models import Bumped, BumpedCount

    users = start_anew(1_000)
    for counts in UserNotificationsCount, BumpedCount:
        make_count_rows(counts)
    seconds, rounds = (10, 5) if at_scale else (0.5, 3)
    ours, theirs = take_turns(
        rounds, lambda: p99(Notification, users[0], seconds), lambda: p99(Bumped, users[0], seconds), warm_up=False
    )
    assert_exact(Notification, UserNotificationsCount, users)
    assert BumpedCount.objects.get(pk=users[0]).unread_count == Bumped.objects.count()
    what = f"{WRITERS} writers to one user, p99, Redis"
    yield times_as_long(what, "UPDATE ... F() + 1 in the signal", [ours, theirs], 1 / 3)


def p99(model: Any, user: int, seconds: float) -> float:
    """The 99th percentile of what a creation takes."""
    times = sorted(write_together(lambda: create(model, user), seconds))
    return times[len(times) * 99 // 100]


def create(model: Any, user: int) -> None:
    from django.db.transaction import atomic

    with atomic():
        model.objects.create(user_id=user, text="Your parcel has arrived")


def write_together(call: Callable[[], object], seconds: float) -> list[float]:
    """What each call of all writers took."""
    from django.db import connections

    connections.close_all()  # a connection cannot be shared with a child
    barrier = processes.Barrier(WRITERS)
    pipes = [processes.Pipe(duplex=False) for _ in range(WRITERS)]
    writers = [processes.Process(target=write, args=(call, seconds, barrier, sender)) for _, sender in pipes]
    for writer in writers:
        writer.start()
    for _, sender in pipes:
        sender.close()
    took = [one for receiver, _ in pipes for one in receiver.recv()]
    for writer in writers:
        writer.join()
    return took


def write(call: Callable[[], object], seconds: float, barrier: Any, results: Any) -> None:
    """One writer. Its first call, which connects, is not counted."""
    call()
    took: list[float] = []
    barrier.wait()
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        call()
        took.append(time.perf_counter() - began)
    results.send(took)


if __name__ == "__main__":
    run_alone(figures, __doc__)
