"""What a read costs, against the barest read of the same server, and against counting.

python -m benchmarks.read [--long]
"""

from __future__ import annotations

from collections.abc import Iterator

from .environment import execute, make_count_rows, make_unread, redis_client, start_anew, table
from .measure import Figure, per_call, take_turns, times_as_fast, times_as_long
from .report import run_alone

#: Unread notifications of a user -> how many times as fast a read is to be as counting them.
COUNTED = {500: 10, 5_000: 30, 100_000: 350}


def figures(at_scale: bool) -> Iterator[Figure]:
    users = start_anew(100_000 if at_scale else 1_000)
    for model in counted_models():
        make_count_rows(model)
    rounds = 200 if at_scale else 31
    yield cached(users, rounds)
    yield many(users, rounds)
    yield from in_rows(users, rounds)
    yield from counting(users, rounds)


def counted_models() -> list[type]:
    from notifications_counter.models import UserNotificationsCount

    from .models import InRowsCount

    return [UserNotificationsCount, InRowsCount]


def cached(users: list[int], rounds: int) -> Figure:
    from notifications_counter.models import UserNotificationsCount

    counter, client, user = UserNotificationsCount.counter, redis_client(), users[5]
    counter.value(user)
    (name,) = client.keys(f"*:total:{user}")
    ours, theirs = per_call(lambda: counter.value(user)), per_call(lambda: client.get(name))
    measured = take_turns(rounds, ours, theirs)
    return times_as_long("value, Redis, cached", "a bare redis.get", measured, 1.25)


def many(users: list[int], rounds: int) -> Figure:
    from notifications_counter.models import UserNotificationsCount

    counter, hundred = UserNotificationsCount.counter, users[:100]
    counter.values(hundred)
    ours, theirs = per_call(lambda: counter.values(hundred)), per_call(lambda: counter.value(hundred[5]))
    return times_as_long("values of 100 users, Redis, cached", "one value", take_turns(rounds, ours, theirs), 4)


def in_rows(users: list[int], rounds: int) -> Iterator[Figure]:
    from notifications_counter.ledger.tables import Delta

    from .models import InRowsCount

    counter, (none, hundred) = InRowsCount.counter, users[10:12]
    for _ in range(100):
        counter.add({hundred: 1})
    execute(f"VACUUM ANALYZE {table(Delta)}")
    assert (counter.value(none), counter.value(hundred)) == (0, 100)
    for user, waiting, at_most in (none, "no rows", 2), (hundred, "100 rows", 3):
        ours = per_call(lambda user=user: counter.value(user))
        theirs = per_call(lambda user=user: select(user))
        measured = take_turns(rounds, ours, theirs)
        yield times_as_long(f"value, database buffer, {waiting} waiting", "a bare SELECT by key", measured, at_most)


def select(user: int) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT unread_count FROM benchmarks_inrowscount WHERE user_id = %s", [user])
        return int(cursor.fetchone()[0])


def counting(users: list[int], rounds: int) -> Iterator[Figure]:
    """Against counting rows as they were written, and just after a vacuum, when nobody has changed one since."""
    from notifications_counter.models import Notification, UserNotificationsCount

    counter = UserNotificationsCount.counter
    chosen = dict(zip(users[-3:], COUNTED, strict=True))
    execute(f"ALTER TABLE {table(Notification)} SET (autovacuum_enabled = false)")
    make_unread(Notification, dict.fromkeys(users[:-3], 100) | chosen)
    counter.recount(list(chosen))
    for state in "", ", just vacuumed":
        for user, unread in chosen.items():
            assert counter.value(user) == unread == count(user)
            ours = per_call(lambda user=user: counter.value(user))
            theirs = per_call(lambda user=user: count(user))
            measured = take_turns(rounds, ours, theirs)
            at_least = None if state else COUNTED[unread]
            yield times_as_fast("value, Redis, cached", f".count() of {unread:,} unread{state}", measured, at_least)
        execute(f"VACUUM ANALYZE {table(Notification)}")
    execute(f"ALTER TABLE {table(Notification)} RESET (autovacuum_enabled)")


def count(user: int) -> int:
    from notifications_counter.models import Notification

    return int(Notification.objects.filter(user_id=user, has_read=False).count())


if __name__ == "__main__":
    run_alone(figures, __doc__)
