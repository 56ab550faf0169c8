"""The settings of the inbox: ``NOTIFICATIONS_COUNTER["INBOX"]``, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from django.core.signals import setting_changed

from ..conf import SETTING, get_settings, is_integer
from ..exceptions import InvalidSettings, quoted, unknown

NAME = f"{SETTING}['INBOX']"

#: What the description of a kind may have.
KIND_KEYS = ("label", "icon", "default", "required")


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

    def __post_init__(self) -> None:
        if self.BADGE not in ("unread", "unseen"):
            raise InvalidSettings(f"{NAME}['BADGE'] must be 'unread' or 'unseen', not {self.BADGE!r}.")
        if not is_integer(self.PAGE_SIZE) or not 1 <= self.PAGE_SIZE <= 200:
            raise InvalidSettings(f"{NAME}['PAGE_SIZE'] must be an integer from 1 to 200, not {self.PAGE_SIZE!r}.")
        hosts = self.ALLOWED_HOSTS
        if isinstance(hosts, str) or not isinstance(hosts, Sequence) or not all(isinstance(one, str) for one in hosts):
            raise InvalidSettings(f"{NAME}['ALLOWED_HOSTS'] must be a list of host names, not {hosts!r}.")
        _check_kinds(self.KINDS)
        _check_delete_with_target(self.DELETE_WITH_TARGET)
        if not is_integer(self.KEEP_KEYS_DAYS) or self.KEEP_KEYS_DAYS < 0:
            days = quoted(self.KEEP_KEYS_DAYS)
            raise InvalidSettings(f"{NAME}['KEEP_KEYS_DAYS'] must be an integer of at least 0, not {days}.")


def _check_kinds(kinds: object) -> None:
    name = f"{NAME}['KINDS']"
    if not isinstance(kinds, Mapping) or not all(isinstance(kind, Mapping) for kind in kinds.values()):
        raise InvalidSettings(f"{name} must map each kind to a dictionary, not {quoted(kinds)}.")
    for kind, values in kinds.items():
        if not isinstance(kind, str) or len(kind) > 64:
            raise InvalidSettings(f"{name}: a kind is a text of at most 64 characters, not {quoted(kind)}.")
        for key, value in values.items():
            if key not in KIND_KEYS:
                raise InvalidSettings(f"{name}[{kind!r}]: {unknown('key', key, KIND_KEYS)}")
            if key in ("default", "required") and not isinstance(value, bool):
                raise InvalidSettings(f"{name}[{kind!r}][{key!r}] must be True or False, not {quoted(value)}.")
        if values.get("required") and not values.get("default", True):
            raise InvalidSettings(f"{name}[{kind!r}]: a kind that is required cannot be off by default.")


def _check_delete_with_target(value: object) -> None:
    is_list = isinstance(value, list | tuple | set | frozenset)
    if not (
        isinstance(value, bool) or (is_list and all(isinstance(one, str) and one.count(".") == 1 for one in value))
    ):  # type: ignore[union-attr]
        raise InvalidSettings(
            f"{NAME}['DELETE_WITH_TARGET'] must be True, False or a list of models, such as ['shop.Order'], "
            f"not {quoted(value)}."
        )


@cache
def inbox_settings() -> InboxSettings:
    """The settings in force.

    Raises:
        InvalidSettings: a name or a value is wrong.
    """
    given = get_settings().INBOX
    known = [entry.name for entry in fields(InboxSettings)]
    for name in given:
        if name not in known:
            raise InvalidSettings(f"{NAME}: {unknown('setting', name, known)}")
    return InboxSettings(**given)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == SETTING:
        inbox_settings.cache_clear()


setting_changed.connect(_forget)
