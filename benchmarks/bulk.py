"""What changes of many rows cost with a counter, against the same changes without one.

    python -m benchmarks.bulk [--long]

A delete is compared with that of a table to whose deletes somebody listens: without a listener Django deletes rows that
it has never seen, and nobody could tell what they counted for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .create import assert_exact
from .environment import clean, execute, make_count_rows, make_unread, start_anew, table
from .measure import Figure, once, take_turns, times_as_long
from .report import run_alone

CREATED = 10_000
CHANGED = 5_000


def figures(at_scale: bool) -> Iterator[Figure]:
    from notifications_counter.models import Notification, UserNotificationsCount

    from .models import InRows, InRowsCount

    rounds = 15 if at_scale else 3
    users = users_of(UserNotificationsCount)
    yield creating("Redis", Notification, users, rounds, 1.3)
    assert_exact(Notification, UserNotificationsCount, users)
    yield from changing(users, rounds)
    assert_exact(Notification, UserNotificationsCount, users)
    users = users_of(InRowsCount)
    yield creating("database buffer", InRows, users, rounds, 1.2)
    assert_exact(InRows, InRowsCount, users)


def users_of(counts: Any) -> list[int]:
    users = start_anew(CREATED)
    make_count_rows(counts)
    return users


def creating(buffer: str, model: Any, users: list[int], rounds: int, at_most: float) -> Figure:
    from .models import Plain

    measured = take_turns(rounds, bulk_create(model, users), bulk_create(Plain, users))
    what = f"bulk_create of {CREATED:,} rows for as many users, {buffer}"
    return times_as_long(what, "the same with no counter", measured, at_most)


def bulk_create(model: Any, users: list[int]) -> Callable[[], float]:
    rows: list[Any] = []

    def prepare() -> None:
        rows[:] = (model(user_id=user, text="Your parcel has arrived") for user in users)
        clean(table(model))

    return once(lambda: model.objects.bulk_create(rows), prepare)


def changing(users: list[int], rounds: int) -> Iterator[Figure]:
    from notifications_counter.models import Notification

    from .models import Listened, Plain

    Notification.objects.all().delete()
    one, many = {users[0]: CHANGED}, dict.fromkeys(users[:CHANGED], 1)
    for owners, numbers in ("one user", one), (f"{CHANGED:,} users", many):
        measured = take_turns(rounds, delete(Notification, numbers), delete(Listened, numbers))
        what = f"queryset.delete() of {CHANGED:,} rows of {owners}, Redis"
        yield times_as_long(what, "the same with an empty listener", measured, 1.2)
    measured = take_turns(rounds, mark_all(one), update_all(Plain, one))
    yield times_as_long(f"mark_all_as_read of {CHANGED:,} rows, Redis", "the bare UPDATE", measured, 1.1)


def fill(model: Any, numbers: dict[int, int]) -> None:
    """As many unread rows, where none was left; counted where the model is."""
    from notifications_counter.models import Notification, UserNotificationsCount

    execute(f"TRUNCATE {table(model)}")
    make_unread(model, numbers)
    if model is Notification:
        UserNotificationsCount.counter.add(numbers)
        UserNotificationsCount.counter.values(numbers)  # as after a page of each user


def delete(model: Any, numbers: dict[int, int]) -> Callable[[], float]:
    def call() -> None:
        deleted, _ = model.objects.filter(user_id__in=list(numbers)).delete()
        assert deleted == sum(numbers.values()), deleted

    return once(call, lambda: fill(model, numbers))


def mark_all(numbers: dict[int, int]) -> Callable[[], float]:
    from notifications_counter.controller import NotificationController
    from notifications_counter.models import Notification

    ((user, number),) = numbers.items()

    def call() -> None:
        marked = NotificationController(user).mark_all_as_read()
        assert marked == number, marked

    return once(call, lambda: fill(Notification, numbers))


def update_all(model: Any, numbers: dict[int, int]) -> Callable[[], float]:
    (user,) = numbers
    sql = f"UPDATE {table(model)} SET has_read = true WHERE user_id = %s AND NOT has_read"
    return once(lambda: execute(sql, user), lambda: fill(model, numbers))


if __name__ == "__main__":
    run_alone(figures, __doc__)
