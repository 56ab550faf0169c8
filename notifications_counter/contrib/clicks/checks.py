"""What is configured wrongly for clicks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import Error as DatabaseError
from django.db import router
from django.urls import NoReverseMatch, reverse

from ...exceptions import InvalidSettings
from .conf import clicks_settings
from .models import Normaliser
from .normalisers import installed, is_checked
from .targets import allowed_hosts


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The settings of clicks."""
    try:
        allowed_hosts(tuple(clicks_settings().ALLOWED_HOSTS))
    except InvalidSettings as error:
        return [Error(str(error), hint="Correct NOTIFICATIONS_COUNTER['CLICKS'].", id="notifications_counter.E100")]
    return []


def check_urls(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Whether clicks have an address, which ``{% counted_url %}`` needs."""
    try:
        reverse("clicks:count")
    except NoReverseMatch:
        return [
            Warning(
                "Clicks on links have no address: there is no 'clicks:count'.",
                hint="Add path('clicks/', include('notifications_counter.contrib.clicks.urls')) to the URLs.",
                id="notifications_counter.W100",
            )
        ]
    return []


def check_normaliser(
    app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Whether the stored addresses were made by the version of the library that is installed."""
    using = router.db_for_read(Normaliser)
    try:
        if using not in (databases or ()) or is_checked(using):
            return []
    except (DatabaseError, InvalidSettings):
        return []  # not migrated yet; or said by another check
    return [
        Warning(
            f"It is not known whether the addresses whose clicks are stored are what {installed().library} makes of "
            "them with these settings: they were made by another version, or with others.",
            hint="Run manage.py notification_check_urls.",
            id="notifications_counter.W101",
        )
    ]
