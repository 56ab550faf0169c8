"""What is wrong with the broker of clicks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.utils.module_loading import import_string

from ...exceptions import BrokerUnavailable, InvalidSettings, MissingExtra, described
from .conf import NAME, clicks_settings

#: Seconds that the broker has for an answer to a check.
ANSWER = 5


def check_extra(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Whether what a broker needs is installed, and its URL can be understood."""
    try:
        if not clicks_settings().BROKER:
            return []
    except InvalidSettings:  # said by the check of the settings
        return []
    try:
        import_string(f"{__package__}.broker.refuse_unusable")()
    except (MissingExtra, InvalidSettings) as error:
        return [Error(str(error), hint=f"{NAME}['BROKER'] is set.", id="notifications_counter.E105")]
    return []


def check_broker(app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """With ``--database``, ask the broker: whether it answers, and whether exchange and queue are what is wanted."""
    try:
        if not databases or not clicks_settings().BROKER:
            return []
        found = problems()
    except (InvalidSettings, MissingExtra):  # said by the other checks
        return []
    except BrokerUnavailable as error:
        return [
            Warning(
                described(error), hint="Until it is back, the database keeps clicks.", id="notifications_counter.W105"
            )
        ]
    hint = (
        "It is used as it is. A classic queue on one server loses what it has with that server's disk, and drops what a"
        " consumer refuses: let it be emptied, delete it, and the next click or notification_consume declares a quorum"
        " queue."
    )
    return [Warning(sentence, hint=hint, id="notifications_counter.W106") for sentence in found]


def problems() -> list[str]:
    """What of exchange and queue is another one than this package declares.

    Raises:
        BrokerUnavailable: the broker does not answer, or refuses.
    """
    broker = _broker()(ANSWER)
    with broker.explained():
        found: list[str] = broker.declare()
    broker.close(politely=True)
    return found


def _broker() -> Callable[[float], Any]:
    """By its path, because Kombu is needed where there is a broker only."""
    found: Callable[[float], Any] = import_string(f"{__package__}.broker.Broker")
    return found
