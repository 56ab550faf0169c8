"""What the delete of an account with very many notifications costs, against one to whose rows somebody listens.

    python -m benchmarks.account [--long]

With a listener Django fetches the rows that it deletes with their owner, as it does on a site with any receiver of its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .environment import make_unread, start_anew
from .measure import Figure, once, take_turns, times_as_long
from .report import run_alone

ROWS = 16_000


def figures(at_scale: bool) -> Iterator[Figure]:
    from notifications_counter.models import Notification, UserNotificationsCount

    from .models import InRows, InRowsCount

    rounds = 15 if at_scale else 3
    for buffer, model, counts in (
        ("Redis", Notification, UserNotificationsCount),
        ("database buffer", InRows, InRowsCount),
    ):
        users = iter(start_anew(100 + 4 * rounds))
        yield deleting(buffer, model, counts.counter, users, rounds)


def deleting(buffer: str, model: Any, counter: Any, users: Iterator[int], rounds: int) -> Figure:
    from .models import Listened

    measured = take_turns(rounds, delete(model, users, counter), delete(Listened, users))
    what = f"delete of a user with {ROWS:,} notifications, {buffer}"
    return times_as_long(what, "the same with an empty listener", measured, 2)


def delete(model: Any, users: Iterator[int], counter: Any = None) -> Callable[[], float]:
    from django.contrib.auth.models import User

    account = User()

    def prepare() -> None:
        account.pk = next(users)
        make_unread(model, {account.pk: ROWS})
        if counter:
            counter.add({account.pk: ROWS})
            counter.flush()

    def call() -> None:
        pk = account.pk
        account.delete()
        assert counter is None or counter.value(pk) == 0
        assert not model.objects.filter(user_id=pk).exists()

    return once(call, prepare)


if __name__ == "__main__":
    run_alone(figures, __doc__)
