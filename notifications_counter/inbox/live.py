"""The live badge of the inbox: the numbers of a user, as a channel."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from django.urls import path

from .. import revisions
from ..counters import Counter
from ..live.channel import Value
from ..live.views import live_view
from ..models import UserNotificationsCount
from .conf import inbox_settings
from .models import Revision, UnseenCount


class UnreadChannel:
    """What a badge shows, by user."""

    name = "unread"

    @property
    def counter(self) -> Counter:
        return Revision.counter

    @property
    def interval(self) -> float:
        return inbox_settings().LIVE_INTERVAL

    @property
    def session_interval(self) -> float:
        return inbox_settings().LIVE_SESSION_INTERVAL

    def key(self, user: Any) -> str | None:
        return self.counter.key_text(user.pk)

    def peek(self, keys: Sequence[str]) -> Mapping[str, Hashable]:
        """The revisions. Redis counts each number by itself, and the process may be killed before the last one."""
        counters = [Revision.counter]
        if Revision.counter.buffer.needs_draining:
            counters += [UserNotificationsCount.counter, UnseenCount.counter]
        epochs = Revision.counter.epochs(keys)
        values = [counter.values(keys) for counter in counters]
        return {key: (epochs[key], *(found[key] for found in values)) for key in keys}

    def read(self, keys: Sequence[str]) -> Mapping[str, Value]:
        read = revisions.read_many(self.counter, keys, _unread_and_unseen)
        return {key: Value(found.epoch, found.revision, _payload(found)) for key, found in read.items()}


def _unread_and_unseen(keys: Sequence[str]) -> dict[str, tuple[int, int]]:
    unread, unseen = UserNotificationsCount.counter.values(keys), UnseenCount.counter.values(keys)
    return {key: (unread[key], unseen[key]) for key in keys}


def _payload(found: revisions.Revised[tuple[int, int]]) -> dict[str, int]:
    unread, unseen = found.value
    return {"unread": unread, "unseen": unseen, "revision": found.revision}


urlpatterns = [path("live/", live_view(UnreadChannel()), name="live")]
