"""What is stored, what everyone reads, and what is true, side by side."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Count

from notifications_counter.models import Notification, UserNotificationsCount


@dataclass(frozen=True)
class Line:
    """The unread notifications of one user.

    Attributes:
        stored: what the count model's row holds, to which a flush adds what is pending.
        value: stored plus pending: what the badge shows.
        count: COUNT(*) of the notifications, against which the others are held.
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


def compare(users: Iterable[User]) -> list[Line]:
    users = list(users)
    keys = [user.pk for user in users]
    stored, count = stored_counts(keys), true_counts(keys)
    value = UserNotificationsCount.counter.values(keys)
    return [Line(user, stored.get(user.pk, 0), value[user.pk], count.get(user.pk, 0)) for user in users]


def stored_counts(keys: list[int]) -> dict[int, int]:
    rows = UserNotificationsCount.objects.filter(pk__in=keys)
    return dict(rows.values_list("pk", "unread_count"))


def true_counts(keys: list[int]) -> dict[int, int]:
    unread = Notification.objects.filter(user__in=keys, has_read=False)
    return dict(unread.values_list("user").annotate(Count("pk")).order_by())
