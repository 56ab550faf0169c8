"""The settings of clicks on links: ``NOTIFICATIONS_COUNTER["CLICKS"]``, checked and typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...conf import SETTING, app_settings, is_integer, is_number
from ...exceptions import InvalidSettings, quoted

NAME = f"{SETTING}['CLICKS']"

#: What the key of a day has besides the address, of the 500 characters that a key may have: a comma and the day.
OF_DAY = len(",2000-01-31")
LONGEST = 500 - OF_DAY

#: A name or an address of IPv6, with a port if it has one; nothing of what stands before or behind it in an address.
HOST = re.compile(r"\.?([^\s*/\\?#@\[\]:.][^\s*/\\?#@\[\]:]*|\[[0-9A-Fa-f:.]+\])(:\d+)?")

QUEUE = re.compile("[A-Za-z0-9._:-]{1,100}")


@dataclass(frozen=True)
class ClicksSettings:
    """The settings of clicks on links, under the names that they have in ``NOTIFICATIONS_COUNTER["CLICKS"]``."""

    #: Hosts to which any click may lead: "example.com", ".example.com" for all below it too, "example.com:8443".
    ALLOWED_HOSTS: Sequence[str] = ()
    #: Whether addresses that differ in the order of their parameters alone are one.
    SORT_QUERY: bool = False
    #: Whether addresses that differ in their fragment alone, what follows "#", are one.
    IGNORE_FRAGMENT: bool = False
    #: Parameters that make no other address, such as "gclid", or "utm_*" for all that begin so.
    IGNORE_PARAMETERS: Sequence[str] = ()
    #: How many characters the address may have under which clicks are counted.
    MAX_LENGTH: int = LONGEST
    #: The URL of a message broker, as Kombu takes it; None without one. It has a password: it is never shown.
    BROKER: str | None = field(default=None, repr=False)
    #: What the exchange and the queue are called there.
    QUEUE: str = "clicks"
    #: How many seconds a click waits for the broker, before the database keeps it.
    TIMEOUT: float = 1.0
    #: For how many days the ids of counted messages are known. Older messages are refused.
    KEEP_IDS_DAYS: int = 7

    def __post_init__(self) -> None:
        for name in ("ALLOWED_HOSTS", "IGNORE_PARAMETERS"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence) or not all(map(_is_name, value)):
                raise InvalidSettings(f"{NAME}[{name!r}] must be a list of texts, not {quoted(value)}.")
        for host in self.ALLOWED_HOSTS:
            if not HOST.fullmatch(host):
                raise InvalidSettings(
                    f"{NAME}['ALLOWED_HOSTS'] has {quoted(host)}, which is not a host, such as 'example.com', or "
                    f"'.example.com' for all below it too. To allow every host would be an open redirect."
                )
        for name in ("SORT_QUERY", "IGNORE_FRAGMENT"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidSettings(f"{NAME}[{name!r}] must be True or False, not {quoted(getattr(self, name))}.")
        if not is_integer(self.MAX_LENGTH) or not 1 <= self.MAX_LENGTH <= LONGEST:
            raise InvalidSettings(
                f"{NAME}['MAX_LENGTH'] must be an integer from 1 to {LONGEST}, not {quoted(self.MAX_LENGTH)}."
            )
        self._check_broker()

    def _check_broker(self) -> None:
        if self.BROKER is not None and (not isinstance(self.BROKER, str) or "://" not in self.BROKER):
            raise InvalidSettings(f"{NAME}['BROKER'] must be a URL, such as 'amqp://user:password@host//', or None.")
        if not isinstance(self.QUEUE, str) or not QUEUE.fullmatch(self.QUEUE):
            raise InvalidSettings(
                f"{NAME}['QUEUE'] must be a name of 1 to 100 letters, digits, '.', '_', ':' and '-', "
                f"not {quoted(self.QUEUE)}."
            )
        if not is_number(self.TIMEOUT) or not 0.05 <= self.TIMEOUT <= 60:
            raise InvalidSettings(
                f"{NAME}['TIMEOUT'] must be a number of seconds from 0.05 to 60, not {quoted(self.TIMEOUT)}."
            )
        if not is_integer(self.KEEP_IDS_DAYS) or self.KEEP_IDS_DAYS < 1:
            days = quoted(self.KEEP_IDS_DAYS)
            raise InvalidSettings(f"{NAME}['KEEP_IDS_DAYS'] must be an integer of at least 1, not {days}.")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def clicks_settings() -> ClicksSettings:
    """The settings in force.

    Raises:
        InvalidSettings: a name or a value is wrong.
    """
    return app_settings("CLICKS", ClicksSettings)
