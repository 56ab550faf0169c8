"""A primary that Sentinel watches: its replica takes over in the middle of a load."""

from __future__ import annotations

from typing import Any, ClassVar

from django.test import tag

from tests.support import failing_over
from tests.support.clusters import Server, Watched
from tests.support.failing_over import BACKEND, GroupTestCase
from tests.support.failing_over import load_tests as load_tests

from .contract import BufferContract


class SentinelTestCase(GroupTestCase):
    kind = Watched
    options: ClassVar[dict[str, Any]] = {
        "CLIENT": "tests.support.redis_clients.primary",
        "SHARDS": 2,
        "INTENT_GRACE": 1,
    }
    group: ClassVar[Watched]


@tag("long")
class SentinelContractTest(BufferContract, SentinelTestCase):
    backend = BACKEND
    options = SentinelTestCase.options


@tag("long")
class SentinelTest(failing_over.FailOverTests, SentinelTestCase):
    def victim(self) -> Server:
        return self.group.primaries[0]
