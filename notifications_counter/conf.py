"""The settings: ``NOTIFICATIONS_COUNTER`` of the project's settings, checked and typed, read anew when it changes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, cast

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from .exceptions import InvalidSettings, unknown

SETTING = "NOTIFICATIONS_COUNTER"
DATABASE_BUFFER = "notifications_counter.buffers.database.DatabaseBuffer"
#: Those that hold the settings of an app built on the counters, which its own ``conf`` describes.
OF_APPS = ["INBOX", "CLICKS", "ONLINE", "SEARCH", "STREAMS"]

Described = TypeVar("Described")


def default_buffers() -> Mapping[str, Mapping[str, Any]]:
    return {"default": {"BACKEND": DATABASE_BUFFER}}


@dataclass(frozen=True)
class Settings:
    """The settings of this package, under the names that they have in ``NOTIFICATIONS_COUNTER``."""

    #: Buffer alias -> ``{"BACKEND": dotted path, "OPTIONS": {...}}``, as in Django's ``CACHES``.
    BUFFERS: Mapping[str, Mapping[str, Any]] = field(default_factory=default_buffers)
    #: The largest number that a badge shows; above it stands "99+" with the exact number in the label.
    BADGE_MAX: int = 99
    #: Seconds in which the flushes recount every key once, whatever has happened; None for never.
    AUDIT_INTERVAL: float | None = 86_400
    #: The settings of the inbox, which ``inbox.conf`` has.
    INBOX: Mapping[str, Any] = field(default_factory=dict)
    #: The settings of the click counter, which ``contrib.clicks.conf`` has.
    CLICKS: Mapping[str, Any] = field(default_factory=dict)
    #: The settings of who is online, which ``contrib.online.conf`` has.
    ONLINE: Mapping[str, Any] = field(default_factory=dict)
    #: The settings of search, which ``contrib.search.conf`` has.
    SEARCH: Mapping[str, Any] = field(default_factory=dict)
    #: The settings of streams, which ``contrib.streams.conf`` has.
    STREAMS: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_buffers(self.BUFFERS)
        if not is_integer(self.BADGE_MAX) or self.BADGE_MAX < 1:
            raise InvalidSettings(f"{SETTING}['BADGE_MAX'] must be an integer of at least 1, not {self.BADGE_MAX!r}.")
        for name in OF_APPS:
            if not isinstance(getattr(self, name), Mapping):
                raise InvalidSettings(f"{SETTING}[{name!r}] must be a dictionary, not {getattr(self, name)!r}.")
        if self.AUDIT_INTERVAL is not None and not (is_number(self.AUDIT_INTERVAL) and self.AUDIT_INTERVAL > 0):
            raise InvalidSettings(
                f"{SETTING}['AUDIT_INTERVAL'] must be a number of seconds or None, not {self.AUDIT_INTERVAL!r}."
            )


def _check_buffers(buffers: object) -> None:
    if not isinstance(buffers, Mapping) or not all(isinstance(value, Mapping) for value in buffers.values()):
        raise InvalidSettings(f"{SETTING}['BUFFERS'] must map each buffer's alias to a dictionary, not {buffers!r}.")
    for alias, values in buffers.items():
        for name in values.keys() - {"BACKEND", "OPTIONS"}:
            sentence = unknown("key", name, ["BACKEND", "OPTIONS"])
            raise InvalidSettings(f"{SETTING}['BUFFERS'][{alias!r}]: {sentence}")
        if not isinstance(values.get("BACKEND"), str):
            raise InvalidSettings(f"{SETTING}['BUFFERS'][{alias!r}] needs a 'BACKEND', such as {DATABASE_BUFFER!r}.")
        if not isinstance(values.get("OPTIONS", {}), Mapping):
            raise InvalidSettings(f"{SETTING}['BUFFERS'][{alias!r}]['OPTIONS'] must be a dictionary.")


def is_integer(value: object) -> bool:
    """Whether a value is an integer and no ``bool``, which Python calls an integer too."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value is a number that is not infinite and no ``bool``."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def known_names() -> list[str]:
    """The names that ``NOTIFICATIONS_COUNTER`` may have."""
    return [entry.name for entry in fields(Settings)]


@cache
def get_settings() -> Settings:
    """The settings in force.

    Raises:
        InvalidSettings: a name or a value in ``NOTIFICATIONS_COUNTER`` is wrong.
    """
    given = getattr(django_settings, SETTING, {})
    if not isinstance(given, Mapping):
        raise InvalidSettings(f"{SETTING} must be a dictionary, not {given!r}.")
    _refuse_unknown(SETTING, given, known_names())
    return Settings(**given)


def app_settings(name: str, description: type[Described]) -> Described:
    """The settings in force of an app built on the counters.

    Args:
        name: what ``NOTIFICATIONS_COUNTER`` calls them.
        description: a dataclass with the settings as its fields, whose ``__post_init__`` refuses wrong values.

    Raises:
        InvalidSettings: a name or a value is wrong.
    """
    described: Any = description
    return cast(Described, _app_settings(name, described))


@cache
def _app_settings(name: str, description: Any) -> Any:
    given = getattr(get_settings(), name)
    _refuse_unknown(f"{SETTING}[{name!r}]", given, [entry.name for entry in fields(description)])
    return description(**given)


def _refuse_unknown(place: str, given: Mapping[str, Any], known: list[str]) -> None:
    for name in given:
        if name not in known:
            raise InvalidSettings(f"{place}: {unknown('setting', name, known)}")


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == SETTING:
        get_settings.cache_clear()
        _app_settings.cache_clear()


setting_changed.connect(_forget)
