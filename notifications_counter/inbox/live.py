"""The live badge of the inbox: the numbers of a user, as a channel."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from django.urls import path

from ..counters import Counter
from ..live import Value, live_view
from ..models import UserNotificationsCount
from .models import Revision, UnseenCount
from .numbers import badges_of


class UnreadChannel:
    """What a badge shows, by user."""

    name = "unread"

    @property
    def counter(self) -> Counter:
        return Revision.counter

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
        return badges_of(keys)


urlpatterns = [path("live/", live_view(UnreadChannel()), name="live")]
