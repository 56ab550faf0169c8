"""What is configured wrongly for streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import Error as DatabaseError
from django.db import connections

from ...exceptions import CounterError, InvalidSettings, described
from . import progress
from .conf import streams_settings
from .exceptions import StreamError
from .logs import get_log
from .models import Topic
from .processor import Processor, processors

HINT = "Correct NOTIFICATIONS_COUNTER['STREAMS']."


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The settings of streams, and the logs that they name."""
    try:
        for alias in streams_settings().LOGS:
            get_log(alias)
    except CounterError as error:
        return [Error(str(error), hint=HINT, id="notifications_counter.E120")]
    return []


def check_processors(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """What processors name: their log."""
    found: list[CheckMessage] = []
    for processor in processors():
        try:
            processor.log  # noqa: B018 - what it names must be there
        except InvalidSettings as error:
            found.append(Error(str(error), obj=processor.group, hint=HINT, id="notifications_counter.E121"))
        except CounterError:  # E120 says so
            continue
    return found


def check_topics(app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Whether the topics of processors are there, with equal numbers of partitions; with ``check --database``."""
    if not databases:
        return []
    return [message for processor in processors() for message in _check(processor, databases)]


def _check(processor: Processor, databases: Sequence[str]) -> Iterator[CheckMessage]:
    log = processor.log
    if log.using is not None and (log.using not in databases or not _is_migrated(log.using)):
        return
    try:
        progress.partitions_of(processor)
        for topic in sorted({*processor.outputs, *filter(None, [processor.dead_letters])}):
            log.topic(topic)
        if processor.changes is not None:
            log.topic(processor.changes.topic)
    except StreamError as error:
        hint = "Make topics with manage.py stream_topics before the processor is started."
        yield Warning(described(error), obj=processor.group, hint=hint, id="notifications_counter.W120")


def _is_migrated(using: str) -> bool:
    try:
        return Topic._meta.db_table in connections[using].introspection.table_names()
    except DatabaseError:
        return False
