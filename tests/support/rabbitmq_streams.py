"""RabbitMQ streams for tests: the server of RABBITMQ_STREAM_URL, or one for all tests of a process."""

from __future__ import annotations

import atexit
import contextlib
import os
import unittest
from functools import cache
from typing import Any

from django.conf import settings
from django.test import override_settings

from .rabbitmq import IN_CI, PROGRAMS, rabbitmq

try:
    import rstream
except ImportError:
    rstream = None

BACKEND = "notifications_counter.contrib.streams.logs.rabbitmq.RabbitMQLog"
URL = os.environ.get("RABBITMQ_STREAM_URL", "")


@cache
def _own() -> str:
    """The URL of a server that ends with this process."""
    stack = contextlib.ExitStack()
    server = stack.enter_context(rabbitmq())
    atexit.register(stack.close)
    return server.stream_url


def stream_url() -> str:
    """Where a RabbitMQ with streams is.

    Raises:
        SkipTest: there is none, nor the programs of one, nor the client; in CI, that is an error.
    """
    if rstream is not None and (URL or PROGRAMS.exists()):
        return URL or _own()
    lacking = "rstream is not installed" if rstream is None else "no RABBITMQ_STREAM_URL, and no programs of RabbitMQ"
    if IN_CI:
        raise AssertionError(f"The tests need RabbitMQ streams, but: {lacking}.")
    raise unittest.SkipTest(f"no RabbitMQ streams: {lacking}")


def with_streams(url: str, **options: Any) -> override_settings:
    """Settings in which a RabbitMQ is the default log."""
    logs = {"default": {"BACKEND": BACKEND, "OPTIONS": {"URL": url, **options}}}
    streams = {**settings.NOTIFICATIONS_COUNTER.get("STREAMS", {}), "LOGS": logs}
    return override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "STREAMS": streams})
