"""The querysets of the built-in notifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models

from .capture.each import create_for_each
from .compat.querysets import write_alias

__all__ = ["NotificationQuerySet", "create_for_each"]


class NotificationQuerySet(models.QuerySet[Any]):
    """The notifications' queryset."""

    def unread(self) -> NotificationQuerySet:
        """Those that have not been read."""
        return self.filter(has_read=False)

    def of(self, user: Any) -> NotificationQuerySet:
        """The notifications of a user, who may be given as an instance or a primary key."""
        return self.filter(user=user)

    def unseen(self) -> NotificationQuerySet:
        """Those that are unread, and whose user has not opened the inbox since."""
        return self.filter(has_read=False, seen=False)

    def about(self, target: models.Model) -> NotificationQuerySet:
        """Those whose target is a certain object."""
        kind = ContentType.objects.db_manager(self.db).get_for_model(target)
        return self.filter(target_type=kind, target_id=str(target.pk))

    def create_for(self, users: Sequence[Any], notification: models.Model) -> int:
        """Create the same notification for many users, a statement for all of them where the database can.

        Args:
            users: their primary keys; all of them exist. No more than a statement of the database can name.
            notification: has all else; it is not saved.

        Returns:
            How many have been created.
        """
        return create_for_each(notification, "user", users, write_alias(self))

    create_for.alters_data = True  # type: ignore[attr-defined]

    def mark_as_read(self) -> int:
        """Mark all of them as read, whosever they are.

        Returns:
            How many were unread.
        """
        return self.unread().update(has_read=True)

    mark_as_read.alters_data = True  # type: ignore[attr-defined]

    def mark_as_unread(self) -> int:
        """Mark all of them as unread, whosever they are.

        Returns:
            How many were read.
        """
        return self.filter(has_read=True).update(has_read=False)

    mark_as_unread.alters_data = True  # type: ignore[attr-defined]

    def mark_as_seen(self) -> int:
        """Mark all of them as seen, whosever they are.

        Returns:
            How many were unseen.
        """
        return self.unseen().update(seen=True)

    mark_as_seen.alters_data = True  # type: ignore[attr-defined]
