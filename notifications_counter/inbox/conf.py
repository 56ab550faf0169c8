"""The settings of the inbox: ``NOTIFICATIONS_COUNTER["INBOX"]``, checked and typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise

from ..conf import SETTING, app_settings, is_integer, is_number
from ..exceptions import InvalidSettings, quoted, unknown

NAME = f"{SETTING}['INBOX']"
LARGEST_PAGE = 200
#: What a kind may have.
OF_KIND = ["label", "icon", "default", "required"]
#: The name of an icon is part of the name of its template.
ICON = re.compile("[a-z0-9_-]+")


@dataclass(frozen=True)
class InboxSettings:
    """The settings of the inbox, under the names that they have in ``NOTIFICATIONS_COUNTER["INBOX"]``."""

    #: What the badge counts: "unread", or "unseen", which opening the inbox sets to 0.
    BADGE: str = "unread"
    #: How many notifications a page has.
    PAGE_SIZE: int = 20
    #: Hosts besides the site's own to which opening a notification may lead.
    ALLOWED_HOSTS: Sequence[str] = ()
    #: Kind -> ``{"label": ..., "icon": ..., "default": True, "required": False}``, each of which may be left out.
    KINDS: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: Whether deleting an object deletes the notifications about it; or labels of the models whose objects do.
    DELETE_WITH_TARGET: bool | Sequence[str] = True
    #: For how many days a key is remembered after the notification that it was given for has been pruned.
    KEEP_KEYS_DAYS: int = 30

    #: Seconds between two looks of a live badge's server for changes that nobody has told it of.
    LIVE_INTERVAL: float = 1.0
    #: Seconds in which the sessions of all live badges are looked at once.
    LIVE_SESSION_INTERVAL: float = 15.0

    def __post_init__(self) -> None:
        if self.BADGE not in ("unread", "unseen"):
            raise InvalidSettings(f"{NAME}['BADGE'] must be 'unread' or 'unseen', not {self.BADGE!r}.")
        if not is_integer(self.PAGE_SIZE) or not 1 <= self.PAGE_SIZE <= LARGEST_PAGE:
            raise InvalidSettings(
                f"{NAME}['PAGE_SIZE'] must be an integer from 1 to {LARGEST_PAGE}, not {self.PAGE_SIZE!r}."
            )
        for name in ("LIVE_INTERVAL", "LIVE_SESSION_INTERVAL"):
            value = getattr(self, name)
            if not is_number(value) or not 0.1 <= value <= 3600:
                raise InvalidSettings(f"{NAME}[{name!r}] must be a number of seconds from 0.1 to 3600, not {value!r}.")
        hosts = self.ALLOWED_HOSTS
        if isinstance(hosts, str) or not isinstance(hosts, Sequence) or not all(isinstance(one, str) for one in hosts):
            raise InvalidSettings(f"{NAME}['ALLOWED_HOSTS'] must be a list of host names, not {hosts!r}.")
        _check_kinds(self.KINDS)
        _check_delete_with_target(self.DELETE_WITH_TARGET)
        if not is_integer(self.KEEP_KEYS_DAYS) or self.KEEP_KEYS_DAYS < 0:
            days = quoted(self.KEEP_KEYS_DAYS)
            raise InvalidSettings(f"{NAME}['KEEP_KEYS_DAYS'] must be an integer of at least 0, not {days}.")


def _check_kinds(kinds: object) -> None:
    if not isinstance(kinds, Mapping):
        raise InvalidSettings(f"{NAME}['KINDS'] must map each kind to a dictionary, not {kinds!r}.")
    for kind, values in kinds.items():
        place = f"{NAME}['KINDS'][{kind!r}]"
        if not isinstance(kind, str) or not isinstance(values, Mapping):
            raise InvalidSettings(f"{place} must be a dictionary under a kind's text, not {values!r}.")
        for name in values.keys() - set(OF_KIND):
            raise InvalidSettings(f"{place}: {unknown('key', name, OF_KIND)}")
        if not isinstance(values.get("label", ""), str | Promise):
            raise InvalidSettings(f"{place}['label'] must be text, not {values['label']!r}.")
        if not isinstance(values.get("icon", "bell"), str) or not ICON.fullmatch(values.get("icon", "bell")):
            raise InvalidSettings(
                f"{place}['icon'] must be of small letters, digits, '-' and '_', as in 'bell', not {values['icon']!r}."
            )
        _check_choice(place, values)


def _check_choice(place: str, values: Mapping[str, Any]) -> None:
    for name in ("default", "required"):
        if not isinstance(values.get(name, True), bool):
            raise InvalidSettings(f"{place}[{name!r}] must be True or False, not {quoted(values[name])}.")
    if values.get("required") and not values.get("default", True):
        raise InvalidSettings(f"{place}: a kind that is required cannot be off by default.")


def _check_delete_with_target(value: object) -> None:
    is_list = isinstance(value, list | tuple) and all(isinstance(one, str) and one.count(".") == 1 for one in value)
    if not (is_list or isinstance(value, bool)):
        raise InvalidSettings(
            f"{NAME}['DELETE_WITH_TARGET'] must be True, False or a list of models, such as ['shop.Order'], "
            f"not {quoted(value)}."
        )


def inbox_settings() -> InboxSettings:
    """The settings in force.

    Raises:
        InvalidSettings: a name or a value is wrong.
    """
    return app_settings("INBOX", InboxSettings)
