"""What a read of all counts of a user costs, by kind, against the barest read of the same server, and against counting.

python -m benchmarks.composite [--long]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .environment import execute, redis_client, start_anew, table
from .measure import Figure, per_call, take_turns, times_as_fast, times_as_long
from .report import run_alone

KINDS = 20

#: Unread rows of a user, of all kinds together.
UNREAD = (500, 5_000)


def figures(at_scale: bool) -> Iterator[Figure]:
    users = start_anew(10_000 if at_scale else 1_000)
    rounds = 200 if at_scale else 31
    chosen = dict(zip(users[-2:], UNREAD, strict=True))
    make_rows(dict.fromkeys(users[:-2], KINDS) | chosen)
    for user, unread in chosen.items():
        yield from with_redis(user, unread, rounds)
        yield from in_rows(user, unread, rounds)


def make_rows(numbers: dict[int, int]) -> None:
    """Unread rows of all kinds, user -> how many; and their counts."""
    from .models import OfKind, OfKindCount, OfKindInRowsCount

    execute(
        f"INSERT INTO {table(OfKind)} (user_id, text, kind, url, has_read, created_at)"
        f" SELECT u.id, 'Parcel', 'kind ' || n %% {KINDS}, '', false, now()"
        " FROM unnest(%s::int[], %s::int[]) u(id, times), generate_series(1, u.times) n"
        " ORDER BY n::float / u.times, u.id",
        list(numbers),
        list(numbers.values()),
    )
    for model in (OfKindCount, OfKindInRowsCount):
        execute(
            f"INSERT INTO {table(model)} (user_id, kind, unread_count)"
            f" SELECT user_id, kind, count(*) FROM {table(OfKind)} GROUP BY 1, 2"
        )
    for model in (OfKind, OfKindCount, OfKindInRowsCount):
        execute(f"VACUUM ANALYZE {table(model)}")


def with_redis(user: int, unread: int, rounds: int) -> Iterator[Figure]:
    from .models import OfKindCount

    counter, client, what = OfKindCount.counter, redis_client(), f"values_of, {KINDS} kinds"
    for _ in range(5):  # so that something is pending, too
        counter.add({(user, "kind 1"): 1})
    assert len(counter.values_of(user)) == KINDS
    (name,) = client.keys(f"*:group:{user}")
    ours, theirs = per_call(lambda: counter.values_of(user)), per_call(lambda: client.hgetall(name))
    yield times_as_long(f"{what}, Redis, cached", "a bare redis.hgetall", take_turns(rounds, ours, theirs), None)
    ours, theirs = per_call(lambda: counter.values_of(user)), per_call(lambda: grouped(user))
    against = f"a raw GROUP BY of {unread:,} unread"
    yield times_as_fast(f"{what}, Redis, cached", against, take_turns(rounds, ours, theirs))

    def uncached() -> Any:
        client.delete(name)
        return counter.values_of(user)

    yield times_as_fast(f"{what}, Redis, not cached", against, take_turns(rounds, per_call(uncached), theirs))


def in_rows(user: int, unread: int, rounds: int) -> Iterator[Figure]:
    from notifications_counter.ledger.tables import Delta

    from .models import OfKindInRowsCount

    counter, against = OfKindInRowsCount.counter, f"a raw GROUP BY of {unread:,} unread"
    for pending in (0, 100):
        for number in range(pending):
            counter.add({(user, f"kind {number % KINDS}"): 1})
        execute(f"VACUUM ANALYZE {table(Delta)}")
        assert len(counter.values_of(user)) == KINDS
        ours, theirs = per_call(lambda: counter.values_of(user)), per_call(lambda: grouped(user))
        what = f"values_of, {KINDS} kinds, database buffer, {pending} rows pending"
        yield times_as_fast(what, against, take_turns(rounds, ours, theirs))


def grouped(user: int) -> dict[str, int]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, count(*) FROM benchmarks_ofkind WHERE user_id = %s AND NOT has_read GROUP BY kind", [user]
        )
        return dict(cursor.fetchall())


if __name__ == "__main__":
    run_alone(figures, __doc__)
