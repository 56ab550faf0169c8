"""The system checks of search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connections

from ...exceptions import InvalidSettings, MissingExtra, described
from ...projections.declaration import projections
from ...projections.triggers import DocumentTriggers
from .conf import get_sink, search_settings
from .index import SearchIndex
from .problems import problems


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """``NOTIFICATIONS_COUNTER["SEARCH"]``, and whether there is such a sink."""
    try:
        search_settings()
        get_sink()
    except (InvalidSettings, MissingExtra) as error:
        return [Error(described(error), id="notifications_counter.E130")]
    return []


def check_indexes(**kwargs: Any) -> list[CheckMessage]:
    """The declarations of indexes, and what the sink says of each."""
    return list(_check())


def _check() -> Iterator[CheckMessage]:
    for index in indexes():
        found = problems(index)
        for sentence in found:
            yield Error(f"{index.label}: {sentence}", obj=index.model, id="notifications_counter.E131")
        if not found and not check_settings():
            yield from index.sink.check(index)


def check_triggers(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Whether the triggers are there that indexes ask for."""
    found: list[CheckMessage] = []
    for using in databases or ():
        if not connections[using].introspection.table_names():
            continue  # nothing was migrated yet
        for projection in DocumentTriggers(using).missing():
            sentence = f"{projection.label}: the database {using!r} lacks triggers that note what changes."
            found.append(Error(sentence, hint="Run manage.py migrate.", id="notifications_counter.E132"))
    return found


def indexes() -> list[SearchIndex]:
    """All search indexes of installed models, by label."""
    return [one for one in projections() if isinstance(one, SearchIndex)]
