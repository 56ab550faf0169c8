"""A user's numbers, read together: what the API answers, what a live badge is told, what the tabs of the page show."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import revisions
from ..controller import NotificationController
from ..models import UserNotificationsCount
from ..querysets import NotificationQuerySet
from .models import Revision, UnreadByKind, UnseenCount

#: The header of a response that says of which epoch the revision in its body is.
EPOCH_HEADER = "Notifications-Epoch"


@dataclass(frozen=True)
class Numbers:
    """What a user has in the inbox.

    Attributes:
        unread: how many notifications are unread.
        unseen: how many of these came since the inbox was opened last.
        by_kind: kind -> how many are unread; kinds without any are left out.
        revision: rises with every change of any of them; within an epoch, numbers with a higher one are newer.
        epoch: revisions of different epochs cannot be compared.
    """

    unread: int
    unseen: int
    by_kind: Mapping[str, int]
    revision: int
    epoch: str

    def payload(self) -> dict[str, Any]:
        """What a badge is told; the epoch stands beside it, in the event's id or in the header ``EPOCH_HEADER``."""
        return {"unread": self.unread, "unseen": self.unseen, "revision": self.revision}

    def whole_payload(self) -> dict[str, Any]:
        """The same with the kinds."""
        return {**self.payload(), "by_kind": dict(self.by_kind)}

    @property
    def etag(self) -> str:
        """An ``ETag`` that covers all of them, in quotes."""
        text = json.dumps([self.epoch, self.whole_payload()], sort_keys=True)
        return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def numbers_of(user: Any) -> Numbers:
    """A user's numbers, of one revision: by one statement, or without any where they are cached in Redis.

    Args:
        user: the user, or the user's primary key.
    """
    return _read(user, None)[0]


def numbers_and_total_of(user: Any) -> tuple[Numbers, int]:
    """The same with how many notifications the user has, read or not: their rows are counted, in the index alone.

    Args:
        user: the user, or the user's primary key.
    """
    numbers, total = _read(user, NotificationController(user).notifications())
    return numbers, total or 0


def _read(user: Any, rows: NotificationQuerySet | None) -> tuple[Numbers, int | None]:
    counters = [UserNotificationsCount.counter, UnseenCount.counter, UnreadByKind.counter]
    read = revisions.read_counters(Revision.counter, counters, user, rows=rows)
    unread, unseen, by_kind = read.value.values
    return Numbers(unread, unseen, by_kind, read.revision, read.epoch), read.value.rows
