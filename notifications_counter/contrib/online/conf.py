"""The settings of who is online: ``NOTIFICATIONS_COUNTER["ONLINE"]``, checked and typed."""

from __future__ import annotations

from dataclasses import dataclass

from ...conf import SETTING, app_settings

NAME = f"{SETTING}['ONLINE']"


@dataclass(frozen=True)
class OnlineSettings:
    """The settings of who is online, under the names that they have in ``NOTIFICATIONS_COUNTER["ONLINE"]``."""


def online_settings() -> OnlineSettings:
    """The settings in force.

    Raises:
        InvalidSettings: a name or a value is wrong.
    """
    return app_settings("ONLINE", OnlineSettings)
