"""A real Kafka for tests: one broker for all tests of a process, which ends with it."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import unittest
import uuid
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import override_settings, tag

from tests.servers.kafka import Kafka, KafkaMissing, running

from .base import uses_redis

try:
    import confluent_kafka
except ImportError:
    confluent_kafka = None

BACKEND = "notifications_counter.contrib.streams.logs.kafka.KafkaLog"
IN_CI = os.environ.get("CI") == "true"
#: Shorter than the default of the script: tests wait for it.
SESSION = 1.5
SETTINGS = (f"group.consumer.session.timeout.ms={SESSION * 1000:.0f}", "group.consumer.heartbeat.interval.ms=300")
_numbers = itertools.count()


def once(case: Any) -> Any:
    """For what asks no database: on SQLite, with --all."""
    is_first = connection.vendor == "sqlite" and not uses_redis()
    return tag("long")(unittest.skipUnless(is_first, "a Kafka: with SQLite and the database buffer only")(case))


def once_on_postgresql(case: Any) -> Any:
    """For several processes that write: on PostgreSQL, with --all."""
    return tag("long")(unittest.skipUnless(connection.vendor == "postgresql", "a Kafka: with PostgreSQL only")(case))


@cache
def _shared() -> Kafka | str:
    """The broker of this process, or what it lacks."""
    if confluent_kafka is None:
        return "confluent-kafka is not installed (pip install 'notifications_counter[kafka]')"
    stack = contextlib.ExitStack()
    try:
        server = stack.enter_context(running(settings=SETTINGS))
    except KafkaMissing as error:
        return str(error)
    atexit.register(stack.close)
    return server


def shared_kafka() -> Kafka:
    """The broker of this process.

    Raises:
        SkipTest: this machine has no Java or Maven; in CI, that is an error.
    """
    found = _shared()
    if isinstance(found, Kafka):
        return found
    if IN_CI:
        raise AssertionError(f"The tests need a Kafka, but: {found}.")
    raise unittest.SkipTest(f"no Kafka: {found}")


def with_kafka(servers: str, **options: Any) -> override_settings:
    """Settings in which a Kafka is the default log."""
    logs = {"default": {"BACKEND": BACKEND, "OPTIONS": {"SERVERS": servers, **options}}}
    streams = {**settings.NOTIFICATIONS_COUNTER.get("STREAMS", {}), "LOGS": logs}
    return override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "STREAMS": streams})


def own_name(what: str = "clicks") -> str:
    """A name for a topic or a group that nobody else has."""
    return f"{what}-{uuid.uuid4().hex[:8]}-{next(_numbers)}"
