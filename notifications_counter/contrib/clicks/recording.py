"""Recording a click: who clicked on what, and when, and where that goes."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.utils.module_loading import import_string

from ...exceptions import InvalidClick, quoted
from .addresses import normalise
from .conf import clicks_settings
from .models import Click, day_of
from .visitors import is_program


@dataclass(frozen=True)
class ClickEvent:
    """A click.

    Attributes:
        id: no other click has it: 32 hexadecimal digits.
        url: the address, normalised.
        is_bot: whether a program asked, and nobody clicked.
        at: when, with a time zone.
    """

    id: str
    url: str
    is_bot: bool
    at: datetime

    def as_dict(self) -> dict[str, Any]:
        """The click as a message has it: text, and whether a program asked."""
        return {"id": self.id, "url": self.url, "is_bot": self.is_bot, "at": self.at.isoformat()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], normalised: Callable[[str], str] = normalise) -> ClickEvent:
        """The click that ``as_dict`` has written.

        Args:
            values: what it has written.
            normalised: gives an address as ``normalise`` does.

        Raises:
            InvalidClick: it has not.
        """
        try:
            at = datetime.fromisoformat(values["at"])
            event = cls(uuid.UUID(values["id"]).hex, normalised(values["url"]), values["is_bot"], at)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidClick(f"{quoted(values)} is not a click: {error!r}") from error
        if event.at.tzinfo is None or not isinstance(event.is_bot, bool):
            raise InvalidClick(
                f"{quoted(values)} is not a click: 'at' needs a time zone, and 'is_bot' is true or false."
            )
        return event


def count(events: Iterable[ClickEvent]) -> None:
    """Count clicks in the configured buffer, in the caller's transaction, in all and by day."""
    sums: dict[bool, Counter[tuple[str, date]]] = {False: Counter(), True: Counter()}
    for event in events:
        sums[event.is_bot][event.url, day_of(event.at)] += 1
    Click.objects.add_clicks(humans=sums[False], bots=sums[True])


def ingest() -> Callable[[Sequence[ClickEvent]], None]:
    """Where clicks go: to the broker, where the settings name one; else straight into the configured buffer."""
    return _by_message() if clicks_settings().BROKER else count


@cache
def _by_message() -> Callable[[Sequence[ClickEvent]], None]:
    """By its path, because Kombu is needed where there is a broker only."""
    found: Callable[[Sequence[ClickEvent]], None] = import_string(f"{__package__}.publishing.ingest")
    return found


def record(url: str, request: HttpRequest | None = None) -> ClickEvent:
    """Record a click on an address.

    Args:
        url: the address, however it is written.
        request: tells a person from a program; without it, a person clicked.

    Returns:
        What was recorded.

    Raises:
        InvalidClick: the address cannot be counted.
    """
    is_bot = request is not None and is_program(request)
    event = ClickEvent(uuid.uuid4().hex, normalise(url), is_bot, datetime.now(UTC))
    ingest()([event])
    return event
