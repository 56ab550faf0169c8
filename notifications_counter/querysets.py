"""The querysets of the built-in notifications."""

from __future__ import annotations

from typing import Any

from django.db import models


class NotificationQuerySet(models.QuerySet[Any]):
    """The notifications' queryset."""

    def unread(self) -> NotificationQuerySet:
        """Those that have not been read."""
        return self.filter(has_read=False)

    def of(self, user: Any) -> NotificationQuerySet:
        """The notifications of a user, who may be given as an instance or a primary key."""
        return self.filter(user=user)

    def mark_as_read(self) -> int:
        """Mark all of them as read, whosever they are.

        Returns:
            How many were unread.
        """
        return self.unread().update(has_read=True)

    mark_as_read.alters_data = True  # type: ignore[attr-defined]
