"""What is configured wrongly for the inbox."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning

from ..exceptions import InvalidSettings, quoted
from .conf import NAME, inbox_settings


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The settings of the inbox, and the models that they name."""
    try:
        wanted = inbox_settings().DELETE_WITH_TARGET
    except InvalidSettings as error:
        return [Error(str(error), hint="Correct NOTIFICATIONS_COUNTER['INBOX'].", id="notifications_counter.E090")]
    labels = [] if isinstance(wanted, bool) else wanted
    return [
        Warning(
            f"{NAME}['DELETE_WITH_TARGET'] names {quoted(label)}, and there is no such model.",
            hint="Write it as app_label.ModelName, as in 'shop.Order'.",
            id="notifications_counter.W090",
        )
        for label in labels
        if not _is_model(label)
    ]


def _is_model(label: str) -> bool:
    try:
        apps.get_model(label)
    except LookupError:
        return False
    return True
