"""A primary that Sentinel watches: its replica takes over in the middle of a load."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

from django.db import connection
from django.test import tag

from . import failing_over
from .base import uses_redis
from .buffers.contract import BufferContract
from .clusters import Server, Watched
from .failing_over import BACKEND, GroupTestCase


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """Once is enough: on PostgreSQL with Redis."""
    return tests if uses_redis() and connection.vendor == "postgresql" else unittest.TestSuite()


class SentinelTestCase(GroupTestCase):
    kind = Watched
    options: ClassVar[dict[str, Any]] = {"CLIENT": "tests.redis_clients.primary", "SHARDS": 2, "GRACE": 1}
    group: ClassVar[Watched]


@tag("long")
class SentinelContractTest(BufferContract, SentinelTestCase):
    backend = BACKEND
    options = SentinelTestCase.options


@tag("long")
class SentinelTest(failing_over.FailOverTests, SentinelTestCase):
    def victim(self) -> Server:
        return self.group.primaries[0]
