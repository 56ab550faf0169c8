"""The settings of streams: ``NOTIFICATIONS_COUNTER["STREAMS"]``, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...conf import SETTING, app_settings, is_integer, is_number
from ...exceptions import InvalidSettings, quoted, unknown

NAME = f"{SETTING}['STREAMS']"
EMBEDDED = "notifications_counter.contrib.streams.logs.embedded.EmbeddedLog"


def default_logs() -> Mapping[str, Mapping[str, Any]]:
    return {"default": {"BACKEND": EMBEDDED}}


@dataclass(frozen=True)
class StreamsSettings:
    """The settings of streams, under the names that they have in ``NOTIFICATIONS_COUNTER["STREAMS"]``."""

    #: Log alias -> ``{"BACKEND": dotted path, "OPTIONS": {...}}``, as in Django's ``CACHES``.
    LOGS: Mapping[str, Mapping[str, Any]] = field(default_factory=default_logs)
    #: Seconds after which the partitions of a processor that gives no sign of life go to others.
    SESSION_TIMEOUT: float = 10
    #: Messages that one transaction applies, at most.
    CHUNK_SIZE: int = 5_000
    #: Seconds between two looks for new messages where there were none.
    POLL_INTERVAL: float = 0.1
    #: Seconds after which what a process has not sent of its outbox is sent by another.
    OUTBOX_TIMEOUT: float = 60

    def __post_init__(self) -> None:
        _check_logs(self.LOGS)
        for name in ("SESSION_TIMEOUT", "POLL_INTERVAL", "OUTBOX_TIMEOUT"):
            value = getattr(self, name)
            if not is_number(value) or not value > 0:
                raise InvalidSettings(f"{NAME}['{name}'] must be a number of seconds above 0, not {quoted(value)}.")
        if not is_integer(self.CHUNK_SIZE) or self.CHUNK_SIZE < 1:
            raise InvalidSettings(f"{NAME}['CHUNK_SIZE'] must be at least 1, not {quoted(self.CHUNK_SIZE)}.")


def _check_logs(logs: object) -> None:
    if not isinstance(logs, Mapping) or not all(isinstance(value, Mapping) for value in logs.values()):
        raise InvalidSettings(f"{NAME}['LOGS'] must map each log's alias to a dictionary, not {quoted(logs)}.")
    for alias, values in logs.items():
        for name in values.keys() - {"BACKEND", "OPTIONS"}:
            sentence = unknown("key", name, ["BACKEND", "OPTIONS"])
            raise InvalidSettings(f"{NAME}['LOGS'][{alias!r}]: {sentence}")
        if not isinstance(values.get("BACKEND"), str):
            raise InvalidSettings(f"{NAME}['LOGS'][{alias!r}] needs a 'BACKEND', such as {EMBEDDED!r}.")
        if not isinstance(values.get("OPTIONS", {}), Mapping):
            raise InvalidSettings(f"{NAME}['LOGS'][{alias!r}]['OPTIONS'] must be a dictionary.")


def streams_settings() -> StreamsSettings:
    """The settings in force.

    Raises:
        InvalidSettings: a name or a value is wrong.
    """
    return app_settings("STREAMS", StreamsSettings)
