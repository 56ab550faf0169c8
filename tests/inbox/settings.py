"""Other settings of the inbox than those of the tests."""

from typing import Any

from django.conf import settings
from django.test import override_settings


def with_inbox(**changes: Any) -> override_settings:
    """Settings with some of the inbox changed."""
    given = settings.NOTIFICATIONS_COUNTER
    return override_settings(NOTIFICATIONS_COUNTER={**given, "INBOX": {**given.get("INBOX", {}), **changes}})
