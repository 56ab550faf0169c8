"""A user's numbers, read together: what the API answers, what a live badge is told, what the tabs of the page show."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import revisions
from ..live import Value
from ..models import UserNotificationsCount
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
    """A user's numbers, of one revision: as many cache reads, or small statements, as there are counters.

    Args:
        user: the user, or the user's primary key.
    """

    def values() -> tuple[int, int, Mapping[str, int]]:
        unread: int = UserNotificationsCount.counter.value(user)
        return unread, UnseenCount.counter.value(user), UnreadByKind.counter.values_of(user)

    read = revisions.read(Revision.counter, user, values)
    return Numbers(*read.value, read.revision, read.epoch)


def badges_of(users: Sequence[Any]) -> dict[Any, Value]:
    """What the badges of many users are told, in as few questions as the counters take.

    Args:
        users: the users, or their primary keys.
    """

    def values(some: Sequence[Any]) -> dict[Any, tuple[int, int]]:
        unread, unseen = UserNotificationsCount.counter.values(some), UnseenCount.counter.values(some)
        return {user: (unread[user], unseen[user]) for user in some}

    read = revisions.read_many(Revision.counter, users, values)
    return {user: _badge(revised) for user, revised in read.items()}


def _badge(revised: revisions.Revised[tuple[int, int]]) -> Value:
    unread, unseen = revised.value
    return Value(revised.epoch, revised.revision, {"unread": unread, "unseen": unseen, "revision": revised.revision})
