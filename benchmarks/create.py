"""What the creation of a notification costs with a counter, against the same row without one.

    python -m benchmarks.create [--long]

Each is committed. The row without a counter is saved in a transaction, as a counted one is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from .environment import make_count_rows, start_anew
from .measure import Figure, per_call, take_turns, times_as_long
from .report import run_alone

TEXT = "Your parcel has arrived"


def figures(at_scale: bool) -> Iterator[Figure]:
    from notifications_counter.models import Notification, UserNotificationsCount

    from . import models

    rounds = 150 if at_scale else 25
    two, four = "create with two counters, unread and unseen", "create with the four counters of the inbox"
    counted = (
        ("create, Redis", Notification, UserNotificationsCount, 1.5),
        ("create, database buffer", models.InRows, models.InRowsCount, 1.3),
        (f"{two}, Redis", models.TwoCounters, models.TwoUnread, 1.5),
        (f"{two}, database buffer", models.InRowsTwoCounters, models.InRowsTwoUnread, 1.3),
        (f"{four}, Redis", models.Inbox, models.InboxCount, 1.5),
        (f"{four}, database buffer", models.InRowsInbox, models.InRowsInboxCount, 1.3),
    )
    for what, model, counts, at_most in counted:
        users = prepare(at_scale)
        yield one_by_one(what, model, users, rounds, at_most)
        assert_exact(model, counts, users)
    users = prepare(at_scale)
    yield in_one_transaction(Notification, users[:100], rounds)
    assert_exact(Notification, UserNotificationsCount, users)


def prepare(at_scale: bool) -> list[int]:
    from notifications_counter.models import UserNotificationsCount

    from .models import InRowsCount

    users = start_anew(100_000 if at_scale else 1_000)
    make_count_rows(UserNotificationsCount)
    make_count_rows(InRowsCount)
    return users


def one_by_one(what: str, model: Any, users: list[int], rounds: int, at_most: float) -> Figure:
    from django.db.transaction import atomic

    from .models import Plain

    ours_next, theirs_next = cycle(users), cycle(users)

    def ours() -> None:
        model.objects.create(user_id=next(ours_next), text=TEXT)

    def theirs() -> None:
        with atomic():
            Plain.objects.create(user_id=next(theirs_next), text=TEXT)

    measured = take_turns(rounds, per_call(ours, 0.03), per_call(theirs, 0.03))
    return times_as_long(what, "the same with no counter", measured, at_most)


def in_one_transaction(model: Any, users: list[int], rounds: int) -> Figure:
    from django.db.transaction import atomic

    from .models import Plain

    def create_all(each: Any) -> None:
        with atomic():
            for user in users:
                each.objects.create(user_id=user, text=TEXT)

    ours, theirs = per_call(lambda: create_all(model), 0.03), per_call(lambda: create_all(Plain), 0.03)
    measured = take_turns(rounds, ours, theirs)
    return times_as_long("100 creates for 100 users, one transaction, Redis", "the same with no counter", measured, 1.5)


def assert_exact(model: Any, counts: Any, users: list[int]) -> None:
    """What is read now, and what is stored after a flush, is what the rows say."""
    from django.db.models import Count

    true = dict(model.objects.filter(has_read=False).values_list("user_id").annotate(Count("pk")))
    true = {user: true.get(user, 0) for user in users}
    assert counts.counter.values(users) == true
    counts.counter.flush()
    stored = dict(counts.objects.values_list("pk", "unread_count"))
    assert {user: stored.get(user, 0) for user in users} == true


if __name__ == "__main__":
    run_alone(figures, __doc__)
