"""The settings of who is online: ``NOTIFICATIONS_COUNTER["ONLINE"]``, checked and typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.module_loading import import_string

from ...conf import SETTING, app_settings, is_integer
from ...exceptions import InvalidSettings, quoted, unknown

NAME = f"{SETTING}['ONLINE']"
LAYOUTS = ("buckets", "two_sets", "database")
#: Nobody is remembered for longer than an hour, except by the time when they were last seen.
MOST_MINUTES = 60
MOST_SECONDS = 3600


@dataclass(frozen=True)
class OnlineSettings:
    """The settings of who is online, under the names that they have in ``NOTIFICATIONS_COUNTER["ONLINE"]``."""

    #: Where it is noted; by default "buckets" where a Redis buffer or a LOCATION is configured, else "database".
    LAYOUT: str | None = None
    #: The URL of a Redis or Valkey of its own; by default that of the Redis buffer.
    LOCATION: str | None = None
    #: For how many minutes somebody is online after a report.
    MINUTES: int = 10
    #: Seconds in which the middleware reports each user once at most.
    REPORT_INTERVAL: int = 30
    #: The signed cookie in which the middleware notes a report for all processes; None for none.
    COOKIE: str | None = "online"
    #: By what users are known: "username", or "pk".
    KEY: str = "username"
    #: Whether the middleware reports guests, by a keyed hash of their address.
    GUESTS: bool = False
    #: Takes a request and returns a guest's address; by default ``REMOTE_ADDR``.
    ADDRESS: Callable[[Any], str | None] | str | None = None
    #: Takes a user and says whether nobody may see that they are online.
    INVISIBLE: Callable[[Any], bool] | str | None = None

    def __post_init__(self) -> None:
        if self.LAYOUT is not None and self.LAYOUT not in LAYOUTS:
            raise InvalidSettings(f"{NAME}['LAYOUT']: {unknown('layout', self.LAYOUT, LAYOUTS)}")
        if self.KEY not in ("username", "pk"):
            raise InvalidSettings(f"{NAME}['KEY'] must be 'username' or 'pk', not {quoted(self.KEY)}.")
        if not isinstance(self.GUESTS, bool):
            raise InvalidSettings(f"{NAME}['GUESTS'] must be True or False, not {quoted(self.GUESTS)}.")
        if self.GUESTS and self.LAYOUT == "two_sets":
            raise InvalidSettings(f"{NAME}['GUESTS'] needs the LAYOUT 'buckets' or 'database'.")
        for name, most in (("MINUTES", MOST_MINUTES), ("REPORT_INTERVAL", MOST_SECONDS)):
            value = getattr(self, name)
            if not is_integer(value) or not 1 <= value <= most:
                raise InvalidSettings(f"{NAME}[{name!r}] must be an integer from 1 to {most}, not {quoted(value)}.")
        if self.REPORT_INTERVAL >= 60 * self.MINUTES:
            raise InvalidSettings(
                f"{NAME}['REPORT_INTERVAL'] must be shorter than MINUTES, or users would go and come:"
                f" {self.REPORT_INTERVAL} seconds are not less than {self.MINUTES} minutes."
            )
        for name in ("LOCATION", "COOKIE"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value):  # not shown: a password may be in there
                raise InvalidSettings(f"{NAME}[{name!r}] must be a text or None, not of type {type(value).__name__}.")
        for name in ("ADDRESS", "INVISIBLE"):
            value = getattr(self, name)
            if not (value is None or isinstance(value, str) or callable(value)):
                raise InvalidSettings(f"{NAME}[{name!r}] must be a function or its dotted path, not {quoted(value)}.")


def online_settings() -> OnlineSettings:
    """The settings in force.

    Raises:
        InvalidSettings: a name or a value is wrong.
    """
    return app_settings("ONLINE", OnlineSettings)


def function_of(name: str) -> Callable[[Any], Any] | None:
    """The function that a setting is, or names by a dotted path.

    Raises:
        InvalidSettings: there is none.
    """
    value = getattr(online_settings(), name)
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    try:
        found = import_string(value)
    except ImportError as error:
        raise InvalidSettings(f"{NAME}[{name!r}]: cannot import {value!r}: {error}") from error
    if not callable(found):
        raise InvalidSettings(f"{NAME}[{name!r}]: {value!r} is no function.")
    return found  # type: ignore[no-any-return]
