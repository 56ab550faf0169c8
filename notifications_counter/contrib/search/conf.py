"""The settings of search: ``NOTIFICATIONS_COUNTER["SEARCH"]``, checked and typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ...conf import SETTING, app_settings, is_integer, is_number
from ...exceptions import InvalidSettings, quoted

NAME = f"{SETTING}['SEARCH']"

SINKS = {
    "database": "notifications_counter.contrib.search.sinks.database.DatabaseSink",
    "opensearch": "notifications_counter.contrib.search.sinks.opensearch.OpenSearchSink",
    "elasticsearch": "notifications_counter.contrib.search.sinks.elasticsearch.ElasticsearchSink",
}

#: What may be the beginning of an index's name in every engine.
PREFIX = re.compile(r"([a-z0-9][a-z0-9_-]{0,49})?")


@dataclass(frozen=True)
class SearchSettings:
    """The settings of search, under the names that they have in ``NOTIFICATIONS_COUNTER["SEARCH"]``."""

    #: Where documents go: "database", "opensearch", "elasticsearch", or the dotted path of a sink.
    SINK: str = "database"
    #: The URL of the engine, with user and password where it wants them; a list of several nodes.
    URL: str | list[str] | None = None
    #: What the engine's client is given beside the URL.
    OPTIONS: Mapping[str, Any] = field(default_factory=dict)
    #: With what the names of all indexes begin, for sites that share an engine.
    PREFIX: str = ""
    #: Seconds in which the engine must answer.
    TIMEOUT: float = 5
    #: How many documents are sent at once.
    CHUNK_SIZE: int = 500
    #: For how many days it is remembered that a document is gone.
    TOMBSTONE_DAYS: int = 7
    #: Seconds in which each document is compared with its row once; None for never.
    AUDIT_INTERVAL: float | None = 86_400
    #: Whether inboxes are searched: ``notifications_counter.contrib.search.inbox``.
    INBOX: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.SINK, str) or (self.SINK not in SINKS and "." not in self.SINK):
            names = ", ".join(map(repr, SINKS))
            raise InvalidSettings(f"{NAME}['SINK'] must be one of {names}, or a dotted path, not {quoted(self.SINK)}.")
        urls = self.URL if isinstance(self.URL, list) else [self.URL]
        if self.URL is not None and not all(isinstance(url, str) and "://" in url for url in urls):
            # not shown: a password may be in there
            raise InvalidSettings(f"{NAME}['URL'] must be a URL such as 'http://localhost:9200', or a list of them.")
        if not isinstance(self.OPTIONS, Mapping):
            raise InvalidSettings(f"{NAME}['OPTIONS'] must be a dictionary, not of type {type(self.OPTIONS).__name__}.")
        if not isinstance(self.PREFIX, str) or not PREFIX.fullmatch(self.PREFIX):
            raise InvalidSettings(
                f"{NAME}['PREFIX'] must be made of at most 50 lower-case letters, digits, '_' and '-', and begin with a"
                f" letter or digit, not {quoted(self.PREFIX)}."
            )
        if not is_number(self.TIMEOUT) or not self.TIMEOUT > 0:
            raise InvalidSettings(f"{NAME}['TIMEOUT'] must be a number of seconds above 0, not {quoted(self.TIMEOUT)}.")
        if not isinstance(self.INBOX, bool):
            raise InvalidSettings(f"{NAME}['INBOX'] must be True or False, not {quoted(self.INBOX)}.")
        for name, most in (("CHUNK_SIZE", 10_000), ("TOMBSTONE_DAYS", 365)):
            value = getattr(self, name)
            if not is_integer(value) or not 1 <= value <= most:
                raise InvalidSettings(f"{NAME}[{name!r}] must be an integer from 1 to {most}, not {quoted(value)}.")
        if self.AUDIT_INTERVAL is not None and not (is_number(self.AUDIT_INTERVAL) and self.AUDIT_INTERVAL > 0):
            raise InvalidSettings(
                f"{NAME}['AUDIT_INTERVAL'] must be a number of seconds or None, not {quoted(self.AUDIT_INTERVAL)}."
            )


def search_settings() -> SearchSettings:
    """The settings in force.

    Raises:
        InvalidSettings: a name or a value is wrong.
    """
    return app_settings("SEARCH", SearchSettings)


@cache
def get_sink() -> Any:
    """The ``SearchSink`` of the settings in force.

    Raises:
        InvalidSettings: there is none of that name, or its options are wrong.
        MissingExtra: the client of an engine is not installed.
    """
    settings = search_settings()
    path = SINKS.get(settings.SINK, settings.SINK)
    try:
        sink = import_string(path)
    except ImportError as error:
        raise InvalidSettings(f"{NAME}['SINK']: cannot import {path!r}: {error}") from error
    return sink(settings)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == SETTING:
        get_sink.cache_clear()


setting_changed.connect(_forget)
