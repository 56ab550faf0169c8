"""A user's inbox, as a program works with it."""

from __future__ import annotations

from typing import Any

from .capture.bulk import update_of_key
from .exceptions import InvalidKey, quoted
from .models import Notification, UserNotificationsCount
from .querysets import NotificationQuerySet


class NotificationController:
    """The notifications of one user, and their unread count.

    Args:
        user: the user, or the user's primary key. Whether there is such a user is not checked.
        using: a database alias, where it is not the default.

    Raises:
        InvalidKey: it cannot be a user's primary key.
    """

    def __init__(self, user: Any, *, using: str | None = None) -> None:
        self.counter = UserNotificationsCount.counter
        self.user_id = self.counter.keys.value(self.counter.key_text(user))
        self.using = self.counter.store(using).using

    def notifications(self) -> NotificationQuerySet:
        """The user's notifications."""
        return Notification.objects.using(self.using).of(self.user_id)

    def unread_count(self) -> int:
        """How many unread notifications the user has, the caller's own transaction included."""
        count: int = self.counter.value(self.user_id, using=self.using)
        return count

    def mark_as_read(self, notification_id: Any) -> bool:
        """Mark one notification of this user as read.

        Args:
            notification_id: its primary key.

        Returns:
            True if this call did it; False if it was read already, is not this user's, or does not exist.

        Raises:
            InvalidKey: it cannot be a notification's primary key.
        """
        try:
            if isinstance(notification_id, bool | float):  # Django would take True for 1, and 3.0 for 3
                raise TypeError
            chosen = self.notifications().filter(pk=notification_id)
        except (TypeError, ValueError):
            raise InvalidKey(f"{quoted(notification_id)} cannot be the primary key of a notification.") from None
        return self._mark(chosen) == 1

    def mark_all_as_read(self) -> int:
        """Mark all notifications of this user as read.

        Returns:
            How many were unread.
        """
        return self._mark(self.notifications())

    def _mark(self, notifications: NotificationQuerySet) -> int:
        return update_of_key(notifications.unread(), self.counter, self.user_id, -1, has_read=True)

    def update_unread_count(self, delta: int) -> None:
        """Change the unread count, in the caller's transaction, for a program that writes the rows by itself.

        Args:
            delta: the signed change.

        Raises:
            InvalidDelta: it is not an integer below 2**53.
        """
        self.counter.add({self.user_id: delta}, using=self.using)
