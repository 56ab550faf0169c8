"""What a user does with the own notifications: what the page, the JSON API and adapters for other frameworks share.

Each takes the user first and sees nothing of anybody else. Ids may come from a client: they are checked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ..conf import is_integer
from ..controller import NotificationController
from ..exceptions import CounterError, quoted
from ..models import Notification
from ..querysets import NotificationQuerySet
from .conf import LARGEST_PAGE, inbox_settings
from .numbers import Numbers, numbers_and_total_of
from .paging import LARGEST_ID, Cursor, InvalidCursor, first_page, page_after
from .representation import as_json

#: How many notifications one call marks or deletes at most.
MOST_IDS = 500


class InvalidInput(CounterError, ValueError):
    """What a client has sent cannot be used. Nothing has been changed."""


@dataclass(frozen=True)
class Listing:
    """A page of a user's notifications, and what is beside it.

    Attributes:
        notifications: those of this page, the newest first, with their actors and the types of their targets.
        next_cursor: where the next page begins; None where this is the last one.
        total: how many notifications the user has, whatever the filters are.
        numbers: how many of them are unread, unseen, and unread by kind.
    """

    notifications: list[Notification]
    next_cursor: str | None
    total: int
    numbers: Numbers

    def payload(self) -> dict[str, Any]:
        """All of it, of nothing but what JSON has."""
        return {
            "results": [as_json(notification) for notification in self.notifications],
            "next_cursor": self.next_cursor,
            "total": self.total,
            **self.numbers.whole_payload(),
        }


def list_notifications(
    user: Any,
    *,
    cursor: str | None = None,
    unread: bool | None = None,
    kind: str | None = None,
    limit: int | None = None,
) -> Listing:
    """A page of a user's notifications, with all numbers, by at most two queries.

    Args:
        user: the user, or the user's primary key.
        cursor: ``next_cursor`` of the page before, with the same filters; the first page without it.
        unread: true for unread ones alone, false for read ones alone.
        kind: of this kind alone; ``""`` is a kind, too.
        limit: how many at most, from 1 to 200; the setting ``PAGE_SIZE`` without it.

    Raises:
        InvalidInput: the cursor is none that a page has given, or the kind or the limit can be none.
    """
    chosen = notifications_of(user).select_related("actor", "target_type")
    if unread is not None:
        chosen = chosen.filter(has_read=not unread)
    if kind is not None:
        chosen = chosen.filter(kind=_checked_kind(kind))
    size = _checked_limit(limit)
    page = first_page(chosen, size) if cursor is None else page_after(chosen, size, _checked_cursor(cursor))
    numbers, total = numbers_and_total_of(user)
    return Listing(page.notifications, str(page.older) if page.older else None, total, numbers)


def get_notification(user: Any, notification_id: Any) -> Notification | None:
    """One notification of a user, with its actor and the type of its target.

    Args:
        user: the user, or the user's primary key.
        notification_id: its primary key; anything else has no notification.

    Returns:
        The notification; None where there is none, or it is somebody else's.
    """
    if not _is_id(notification_id):
        return None
    chosen = notifications_of(user).select_related("actor", "target_type")
    found: Notification | None = chosen.filter(pk=notification_id).first()
    return found


def mark(user: Any, ids: Iterable[int], *, read: bool) -> int:
    """Mark notifications of a user as read or unread.

    Args:
        user: the user, or the user's primary key.
        ids: primary keys, at most 500; those of nobody or of somebody else change nothing.
        read: whether they are read from now on.

    Returns:
        How many have changed.

    Raises:
        InvalidInput: there are too many ids, or one is no integer.
    """
    chosen = by_ids(user, ids)
    return chosen.mark_as_read() if read else chosen.mark_as_unread()


def delete(user: Any, ids: Iterable[int]) -> int:
    """Delete notifications of a user.

    Args:
        user: the user, or the user's primary key.
        ids: primary keys, at most 500; those of nobody or of somebody else change nothing.

    Returns:
        How many were deleted.

    Raises:
        InvalidInput: there are too many ids, or one is no integer.
    """
    _number, by_model = by_ids(user, ids).delete()
    return by_model.get(Notification._meta.label, 0)


def mark_all_as_read(user: Any) -> int:
    """Mark all notifications of a user as read; returns how many were unread."""
    return NotificationController(user).mark_all_as_read()


def mark_all_as_seen(user: Any) -> int:
    """Note that a user has opened the inbox; returns how many were unseen."""
    return notifications_of(user).mark_as_seen()


def notifications_of(user: Any) -> NotificationQuerySet:
    """A user's notifications."""
    return NotificationController(user).notifications()


def by_ids(user: Any, ids: Iterable[int]) -> NotificationQuerySet:
    """Notifications of a user.

    Args:
        user: the user, or the user's primary key.
        ids: primary keys, at most 500; those of nobody or of somebody else are left out.

    Raises:
        InvalidInput: there are too many ids, or one is no integer.
    """
    return notifications_of(user).filter(pk__in=[pk for pk in _checked_ids(ids) if _is_id(pk)])


def _checked_ids(ids: Iterable[int]) -> list[int]:
    """Each id once.

    Raises:
        InvalidInput: there are too many, or one is no integer.
    """
    given = list(ids)
    if len(given) > MOST_IDS:
        raise InvalidInput(
            _("%(number)d ids are too many: at most %(most)d at a time.") % {"number": len(given), "most": MOST_IDS}
        )
    for pk in given:
        if not is_integer(pk):
            raise InvalidInput(_("An id must be an integer, not %(value)s.") % {"value": quoted(pk)})
    return list(dict.fromkeys(given))


def _is_id(value: Any) -> bool:
    """Whether a database could have it as a primary key; the others answer larger numbers with errors."""
    return is_integer(value) and 0 < value <= LARGEST_ID


def _checked_cursor(text: str) -> Cursor:
    try:
        return Cursor.parse(text)
    except InvalidCursor as error:
        raise InvalidInput(str(error)) from None


def _checked_kind(kind: str) -> str:
    most = Notification._meta.get_field("kind").max_length or 0
    if len(kind) > most or not kind.isprintable():
        raise InvalidInput(
            _("%(value)s is no kind: a kind has at most %(most)d characters, all of them printable.")
            % {"value": quoted(kind), "most": most}
        )
    return kind


def _checked_limit(limit: int | None) -> int:
    if limit is None:
        return inbox_settings().PAGE_SIZE
    if not is_integer(limit) or not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInput(
            _("The limit must be an integer from 1 to %(most)d, not %(value)s.")
            % {"most": LARGEST_PAGE, "value": quoted(limit)}
        )
    return limit
