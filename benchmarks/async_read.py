"""What an asynchronous read costs, against the barest asynchronous read of the same server.

    python -m benchmarks.async_read [--long]

Both in one event loop, one call after the other, each on a connection that is open.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from .environment import make_count_rows, redis_client, start_anew
from .measure import Figure, Measure, take_turns, times_as_long
from .report import run_alone

#: Calls a turn.
CALLS = 200


def figures(at_scale: bool) -> Iterator[Figure]:
    from redis.asyncio import Redis

    from notifications_counter.models import UserNotificationsCount

    counter: Any = UserNotificationsCount.counter
    if not hasattr(counter, "avalue"):
        return
    users = start_anew(1_000)
    make_count_rows(UserNotificationsCount)
    counter.value(users[5])
    (name,) = redis_client().keys(f"*:total:{users[5]}")
    client = Redis.from_url(os.environ["NC_REDIS_URL"])
    with asyncio.Runner() as runner:
        ours, theirs = awaiting(runner, lambda: counter.avalue(users[5])), awaiting(runner, lambda: client.get(name))
        measured = take_turns(200 if at_scale else 31, ours, theirs)
        runner.run(client.aclose())
    yield times_as_long("avalue, Redis, cached", "a bare await of redis.asyncio's get", measured, 1.5)


def awaiting(runner: asyncio.Runner, call: Callable[[], Awaitable[object]]) -> Measure:
    async def repeat() -> float:
        started = time.perf_counter()
        for _ in range(CALLS):
            await call()
        return (time.perf_counter() - started) / CALLS

    runner.run(repeat())  # connects
    return lambda: runner.run(repeat())


if __name__ == "__main__":
    run_alone(figures, __doc__)
