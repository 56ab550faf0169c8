"""What a page of the inbox shows, as its address says: unread ones only, one kind only, and from where on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from ..models import Notification
from ..querysets import NotificationQuerySet
from . import paging
from .paging import Cursor, InvalidCursor

LONGEST_KIND = Notification._meta.get_field("kind").max_length or 0


@dataclass(frozen=True)
class Selection:
    """What a page shows. Whatever an address says wrongly is left out, as if it were not there.

    Attributes:
        unread: whether only what is unread.
        kind: which kind only; None for all.
        after: older ones than this.
        before: newer ones than this.
    """

    unread: bool = False
    kind: str | None = None
    after: Cursor | None = None
    before: Cursor | None = None

    @classmethod
    def of(cls, given: QueryDict) -> Selection:
        """The selection of the parameters of an address."""
        kind = given.get("kind")
        if kind is not None and (len(kind) > LONGEST_KIND or "\0" in kind):
            kind = None
        return cls(given.get("show") == "unread", kind, _cursor(given.get("after")), _cursor(given.get("before")))

    def filter(self, notifications: NotificationQuerySet) -> NotificationQuerySet:
        """Those that are to be shown on any page of it."""
        if self.unread:
            notifications = notifications.unread()
        return notifications if self.kind is None else notifications.filter(kind=self.kind)

    def page(self, notifications: NotificationQuerySet, size: int) -> paging.Page:
        """The page, in one query, or two where it is a newer one and there are few of them."""
        chosen = self.filter(notifications)
        if self.after:
            return paging.page_after(chosen, size, self.after)
        return paging.page_before(chosen, size, self.before) if self.before else paging.first_page(chosen, size)

    def but(self, **changes: Any) -> Selection:
        """Another one; without a change of the place, it begins with the newest."""
        return replace(self, **{"after": None, "before": None, **changes})

    @property
    def query(self) -> str:
        """What comes after the path of an address: '' or a query string with its question mark."""
        given = {
            "show": "unread" if self.unread else None,
            "kind": self.kind,
            "after": self.after,
            "before": self.before,
        }
        text = urlencode({name: str(value) for name, value in given.items() if value is not None})
        return f"?{text}" if text else ""


def _cursor(text: str | None) -> Cursor | None:
    try:
        return Cursor.parse(text) if text else None
    except InvalidCursor:
        return None


def address_of(name: str, request: HttpRequest) -> str:
    """The path of one of the inbox's own addresses, in the namespace of the request."""
    match = request.resolver_match
    namespace = match.namespace if match else None
    return reverse(f"notifications_counter:{name}", current_app=namespace)
