"""What is stored, what everyone reads, and what is true, side by side; and what it costs to read it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, QuerySet

from notifications_counter import Counter
from notifications_counter.models import Notification, UserNotificationsCount

from .models import OpenTickets, Ticket

TIMES = 15


@dataclass(frozen=True)
class Counted:
    """A counter, and the rows that it counts.

    Attributes:
        counter: the counter of a count model.
        field: where the count model stores it.
        rows: what it counts.
        key: the user of such a row.
    """

    counter: Counter
    field: str
    rows: QuerySet[Any]
    key: str


@dataclass(frozen=True)
class Line:
    """What one user has of it.

    Attributes:
        stored: what the count model's row holds, to which a flush adds what is pending.
        value: stored plus pending: what the badge shows.
        count: COUNT(*) of the rows, against which the others are held.
    """

    user: User
    stored: int
    value: int
    count: int

    @property
    def pending(self) -> int:
        return self.value - self.stored

    @property
    def is_exact(self) -> bool:
        return self.value == self.count


def unread() -> Counted:
    return Counted(
        UserNotificationsCount.counter, "unread_count", Notification.objects.filter(has_read=False), key="user"
    )


def open_tickets() -> Counted:
    return Counted(OpenTickets.counter, "number", Ticket.objects.filter(is_open=True), key="assignee")


def compare(users: Iterable[User], what: Counted) -> list[Line]:
    users = list(users)
    keys = [user.pk for user in users]
    stored, count = stored_counts(keys, what), true_counts(keys, what)
    value = what.counter.values(keys)
    return [Line(user, stored.get(user.pk, 0), int(value[user.pk]), count.get(user.pk, 0)) for user in users]


def stored_counts(keys: list[int], what: Counted) -> dict[int, int]:
    rows = what.counter.model._default_manager.filter(pk__in=keys)
    return dict(rows.values_list("pk", what.field))


def true_counts(keys: list[int], what: Counted) -> dict[int, int]:
    rows = what.rows.filter(**{f"{what.key}__in": keys})
    return dict(rows.values_list(what.key).annotate(Count("pk")).order_by())


@dataclass(frozen=True)
class Cost:
    """What it takes to read one user's number, in milliseconds: the median of several reads, each in turn.

    Attributes:
        value: of the counter.
        count: of COUNT(*).
    """

    user: User
    number: int
    value: float
    count: float

    @property
    def ratio(self) -> float:
        return self.count / self.value


def cost(user: User, what: Counted) -> Cost:
    rows = what.rows.filter(**{what.key: user})
    pairs = [(timed(lambda: what.counter.value(user)), timed(rows.count)) for _ in range(TIMES)]
    values, counts = zip(*pairs, strict=True)
    return Cost(user, rows.count(), median(values), median(counts))


def timed(read: Callable[[], Any]) -> float:
    start = time.perf_counter()
    read()
    return (time.perf_counter() - start) * 1000
