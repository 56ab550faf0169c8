"""Flush, and die by SIGKILL at a named point of it."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django

#: Point -> what is about to be called when the process dies, and for which time.
POINTS = {
    "after the claim": ("Applier._apply_chunk", 1),
    "before a chunk commits": ("progress.save", 3),
    "between two chunks": ("Applier._apply_chunk", 3),
    "before the acknowledgement": ("acknowledge", 1),
    "before rows are applied": ("upsert.add", 1),
    "before rows are taken": ("deltas.pop", 2),
    "between two chunks of rows": ("Applier._apply_rows", 3),
}


def dying(function: Callable[..., Any], times: int) -> Callable[..., Any]:
    left = [times]

    def call(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return call


def main(point: str, chunk: int) -> None:
    django.setup()
    from notifications_counter.applying import apply
    from notifications_counter.buffers import buffers
    from notifications_counter.models import UserNotificationsCount

    name, times = POINTS[point]
    owner: Any = apply
    if name == "acknowledge":
        owner = type(buffers["default"])
    for part in name.split(".")[:-1]:
        owner = getattr(owner, part)
    last = name.split(".")[-1]
    setattr(owner, last, dying(getattr(owner, last), times))
    UserNotificationsCount.counter.flush(chunk_size=chunk)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
