"""Keyset pagination, newest first: a page is found by its place in an index, however many come before it."""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models import Q
from django.utils import timezone

from ..dialects import dialect_of
from ..exceptions import CounterError, quoted
from ..querysets import NotificationQuerySet

#: In which a user's notifications stand one after the other, newest first.
INDEX = "nc_newest"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A cursor's text: microseconds since 1970, for some centuries, and a primary key.
PATTERN = re.compile(rb"(-?[0-9]{1,16})\.([0-9]{1,19})")
LARGEST_ID = 2**63 - 1


class InvalidCursor(CounterError, ValueError):
    """A text is no cursor that a page has given."""


@dataclass(frozen=True)
class Cursor:
    """The place of a notification among all others."""

    created_at: datetime
    id: int

    @classmethod
    def of(cls, notification: Any) -> Cursor:
        """Where a notification stands."""
        return cls(notification.created_at, notification.pk)

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor of a text.

        Raises:
            InvalidCursor: it is none.
        """
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)  # more than is missing is refused
            found = PATTERN.fullmatch(base64.b64decode(padded, altchars=b"-_", validate=True))
            if found and int(found[2]) <= LARGEST_ID:
                moment = EPOCH + timedelta(microseconds=int(found[1]))
                return cls(moment if settings.USE_TZ else moment.replace(tzinfo=None), int(found[2]))
        except (UnicodeEncodeError, binascii.Error):
            pass
        raise InvalidCursor(f"{quoted(text)} is not a cursor. Take it from a page as it is, or begin without one.")

    def __str__(self) -> str:
        moment = self.created_at
        moment = moment.replace(tzinfo=UTC) if timezone.is_naive(moment) else moment
        number = (moment - EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(f"{number}.{self.id}".encode()).decode().rstrip("=")

    @property
    def older(self) -> Q:
        """The condition of what comes after it, newest first; the first part is what an index is searched for."""
        return Q(created_at__lte=self.created_at) & (Q(created_at__lt=self.created_at) | Q(pk__lt=self.id))

    @property
    def newer(self) -> Q:
        """The condition of what comes before it, newest first."""
        return Q(created_at__gte=self.created_at) & (Q(created_at__gt=self.created_at) | Q(pk__gt=self.id))


@dataclass(frozen=True)
class Page:
    """Notifications, newest first.

    Attributes:
        notifications: what is on the page.
        newer: the cursor before which there are more; None on the first page.
        older: the cursor after which there are more; None on the last page.
    """

    notifications: list[Any]
    newer: Cursor | None
    older: Cursor | None


def first_page(notifications: NotificationQuerySet, size: int) -> Page:
    """The newest ones, in one query."""
    return _page(notifications, size, is_first=True)


def page_after(notifications: NotificationQuerySet, size: int, cursor: Cursor) -> Page:
    """The next older ones, in one query."""
    with _along_index(notifications):
        return _page(notifications.filter(cursor.older), size, is_first=False)


def page_before(notifications: NotificationQuerySet, size: int, cursor: Cursor) -> Page:
    """The next newer ones; the first page where there is not a page of them and one more."""
    with _along_index(notifications):
        found = list(notifications.filter(cursor.newer).order_by("created_at", "pk")[: size + 1])
    if len(found) <= size:
        return first_page(notifications, size)
    found = found[:size][::-1]
    return Page(found, Cursor.of(found[0]), Cursor.of(found[-1]))


def _along_index(notifications: NotificationQuerySet) -> AbstractContextManager[None]:
    """What is at a cursor's place is looked for there."""
    connection = connections[notifications.db]
    return dialect_of(connection).along(connection, notifications.model, INDEX)


def _page(notifications: NotificationQuerySet, size: int, *, is_first: bool) -> Page:
    found = list(notifications.order_by("-created_at", "-pk")[: size + 1])
    more, found = len(found) > size, found[:size]
    newer = Cursor.of(found[0]) if found and not is_first else None
    return Page(found, newer, Cursor.of(found[-1]) if more else None)
