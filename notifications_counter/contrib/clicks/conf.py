"""The settings of clicks on links: ``NOTIFICATIONS_COUNTER["CLICKS"]``, checked and typed."""

from __future__ import annotations

from dataclasses import dataclass

from ...conf import SETTING, app_settings

NAME = f"{SETTING}['CLICKS']"


@dataclass(frozen=True)
class ClicksSettings:
    """The settings of clicks on links, under the names that they have in ``NOTIFICATIONS_COUNTER["CLICKS"]``."""


def clicks_settings() -> ClicksSettings:
    """The settings in force.

    Raises:
        InvalidSettings: a name or a value is wrong.
    """
    return app_settings("CLICKS", ClicksSettings)
