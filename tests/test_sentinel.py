"""A primary that Sentinel watches: its replica takes over in the middle of a load."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

from django.db import connection

from .base import counter, notify, uses_redis
from .buffers.contract import BufferContract
from .clusters import Watched
from .failing_over import ALL, BACKEND, GroupTestCase, LoadTestCase


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """Once is enough: on PostgreSQL with Redis."""
    return tests if uses_redis() and connection.vendor == "postgresql" else unittest.TestSuite()


class SentinelTestCase(GroupTestCase):
    kind = Watched
    options: ClassVar[dict[str, Any]] = {"CLIENT": "tests.redis_clients.primary", "SHARDS": 2, "GRACE": 1}
    group: ClassVar[Watched]


class SentinelContractTest(BufferContract, SentinelTestCase):
    backend = BACKEND
    options = SentinelTestCase.options


class SentinelTest(SentinelTestCase, LoadTestCase):
    def test_a_primary_that_is_killed_fails_no_write_and_everything_is_recounted(self) -> None:
        for each in ALL:
            each.flush()
        before = {each: self.run_ids(each) for each in ALL}
        with self.load():
            self.group.kill(self.group.primaries[0])
        self.assert_exact_past_the_grace_time()
        self.assert_loss_was_noticed(before)
        user = self.users[0]
        value = counter.value(user)
        notify(user)
        with self.assertNumQueries(0):
            self.assertEqual(counter.value(user), value + 1)
