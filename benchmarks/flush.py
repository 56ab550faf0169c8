"""The flush of buffered users to PostgreSQL, against the loop that one writes first, and against the least possible.

    python -m benchmarks.flush [--long]

The loop: for each user ZSCORE, ZREM, and one UPDATE. It loses a change that comes between its two first steps, and
all that it has taken when it dies; it is here for its speed. The least: one UPDATE of as many rows of a table without
free space, which knows from nowhere what to add to which row. Times are those of one user.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .environment import clean, execute, make_count_rows, redis_client, start_anew
from .measure import Figure, Measure, once, take_turns, times_as_fast
from .report import run_alone

LOOP_KEY = "benchmark:loop"
COPY = "benchmarks_copy"

#: As many as one transaction of a site may well change.
AT_ONCE = 10_000


def figures(at_scale: bool) -> Iterator[Figure]:
    from notifications_counter.models import UserNotificationsCount

    users = start_anew(1_000_000 if at_scale else 30_000)
    make_count_rows(UserNotificationsCount)
    make_copy()
    looped = users[: len(users) // 50]
    ours, loop, least = take_turns(5 if at_scale else 3, flushing(users), looping(looped), updating(len(users)))
    assert_exact(users, looped, rounds=len(ours) + 1)
    name = f"flush of {len(users):,} users"
    yield times_as_fast(name, f"the loop, of {len(looped):,}", [ours, loop], 80)
    yield times_as_fast(name, "one bare UPDATE of as many rows", [ours, least], 0.6)


def make_copy() -> None:
    execute(f"DROP TABLE IF EXISTS {COPY}")
    execute(f"CREATE TABLE {COPY} (id integer PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 100)")
    execute(f"INSERT INTO {COPY} SELECT id, 0 FROM auth_user ORDER BY id")


def flushing(users: list[int]) -> Measure:
    from notifications_counter.models import UserNotificationsCount

    counter = UserNotificationsCount.counter
    measure = once(lambda: check(counter.flush(), len(users)), lambda: buffer(users))
    return lambda: measure() / len(users)


def check(flushed: Any, users: int) -> None:
    assert flushed.ok and flushed.keys == flushed.amount == users, flushed


def buffer(users: list[int]) -> None:
    from notifications_counter.models import UserNotificationsCount

    for start in range(0, len(users), AT_ONCE):
        UserNotificationsCount.counter.add(dict.fromkeys(users[start : start + AT_ONCE], 1))
    clean(UserNotificationsCount._meta.db_table)


def looping(users: list[int]) -> Measure:
    client = redis_client()
    measure = once(lambda: loop(client), lambda: client.zadd(LOOP_KEY, dict.fromkeys(users, 1)))
    return lambda: measure() / len(users)


def loop(client: Any) -> None:
    from django.db.models import F

    from notifications_counter.models import UserNotificationsCount

    for user in client.zrange(LOOP_KEY, 0, -1):
        change = int(client.zscore(LOOP_KEY, user))
        client.zrem(LOOP_KEY, user)
        UserNotificationsCount.objects.filter(pk=int(user)).update(unread_count=F("unread_count") + change)


def updating(rows: int) -> Measure:
    measure = once(lambda: execute(f"UPDATE {COPY} SET n = n + 1"), lambda: clean(COPY))
    return lambda: measure() / rows


def assert_exact(users: list[int], looped: list[int], rounds: int) -> None:
    from notifications_counter.models import UserNotificationsCount

    stored = dict(UserNotificationsCount.objects.values_list("pk", "unread_count"))
    expected = dict.fromkeys(users, rounds) | dict.fromkeys(looped, 2 * rounds)
    assert stored == expected, "the flushes have not added what was buffered"


if __name__ == "__main__":
    run_alone(figures, __doc__)
