"""What a badge counts: the setting ``BADGE``."""

from __future__ import annotations

from ..counters import Counter
from ..models import UserNotificationsCount
from .conf import inbox_settings
from .models import UnseenCount


def shown_counter() -> Counter:
    """The counter of what the badge shows: unread notifications, or unseen ones."""
    return UnseenCount.counter if inbox_settings().BADGE == "unseen" else UserNotificationsCount.counter
