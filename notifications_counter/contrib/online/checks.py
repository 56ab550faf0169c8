"""What is configured wrongly for who is online."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error

from ...exceptions import InvalidSettings, MissingExtra
from .conf import function_of, online_settings
from .layouts import layout


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The settings, what they name, and whether there is a Redis where one is needed."""
    try:
        online_settings()
        for name in ("ADDRESS", "INVISIBLE"):
            function_of(name)
        layout()
    except (InvalidSettings, MissingExtra) as error:
        return [Error(str(error), hint="Correct NOTIFICATIONS_COUNTER['ONLINE'].", id="notifications_counter.E110")]
    return []
