"""Keyset pagination: a page begins after a notification, so that page 10,000 is as fast as page 1."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from ..exceptions import CounterError, quoted
from ..querysets import NotificationQuerySet

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

#: The microseconds since 1970, and the primary key, of the notification before a page.
PLACE = re.compile(r"(-?[0-9]{1,16})\.([0-9]{1,19})", re.ASCII)
LAST_ID = 2**63 - 1


class InvalidCursor(CounterError, ValueError):
    """A cursor is none that a page has given."""


@dataclass(frozen=True)
class Page:
    """Some notifications, the newest first.

    Attributes:
        notifications: those of this page.
        next_cursor: where the next page begins; None where this is the last one.
    """

    notifications: list[Any]
    next_cursor: str | None


def page_of(notifications: NotificationQuerySet, *, cursor: str | None = None, size: int) -> Page:
    """The page that begins at a cursor, by one query, which reads no row of the pages before it.

    Args:
        notifications: what is paged, of one user; its own order is replaced.
        cursor: ``next_cursor`` of the page before; the first page without it.
        size: how many notifications a page has at most.

    Raises:
        InvalidCursor: the cursor is none that a page has given.
    """
    chosen = notifications.order_by("-created_at", "-id")
    if cursor is not None:
        at, pk = _place(cursor)
        # The first condition alone says where in the index the page begins.
        chosen = chosen.filter(Q(created_at__lte=at) & (Q(created_at__lt=at) | Q(id__lt=pk)))
    found = list(chosen[: size + 1])
    page, has_more = found[:size], len(found) > size
    return Page(page, cursor_after(page[-1]) if has_more else None)


def cursor_after(notification: Any) -> str:
    """The cursor of the page that begins after a notification; it can be part of a URL."""
    at = notification.created_at
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH
    return base64.urlsafe_b64encode(f"{since // MICROSECOND}.{notification.pk}".encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, int]:
    try:
        text = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):  # among them text that is not encodable
        raise _invalid(cursor) from None
    place = PLACE.fullmatch(text)
    if place is None or int(place[2]) > LAST_ID:
        raise _invalid(cursor)
    try:
        at = EPOCH + timedelta(microseconds=int(place[1]))
    except OverflowError:
        raise _invalid(cursor) from None
    if not 1 < at.year < 9999:  # a database may have another time zone
        raise _invalid(cursor)
    return (at if settings.USE_TZ else at.replace(tzinfo=None)), int(place[2])


def _invalid(cursor: str) -> InvalidCursor:
    return InvalidCursor(
        _("The cursor %(cursor)s is none that a page has given: begin without one.") % {"cursor": quoted(cursor)}
    )
