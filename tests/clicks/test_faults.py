"""Publishers, consumer and broker that are killed: each click counts once."""

from __future__ import annotations

import os
import unittest

from django.db import connection
from django.test import tag

from tests.support.base import ROOT, CounterTestCase, child_environment
from tests.support.click_faults import QUEUE, Faults
from tests.support.rabbitmq import needs_rabbitmq_programs, rabbitmq
from tests.support.walks import SEED, by_effort

#: Not on MariaDB, where a server of its own, and all that is killed, take as long again.
ONCE = connection.vendor != "mysql" and os.environ.get("NC_BUFFER") != "redis"


@unittest.skipUnless(ONCE, "messages pass the buffer by: it takes long, and runs with the database buffer only")
@tag("long")
@needs_rabbitmq_programs
class FaultsTest(CounterTestCase):
    def test_each_click_counts_once_whoever_is_killed(self) -> None:
        with rabbitmq() as server:
            environment = child_environment(
                DJANGO_SETTINGS_MODULE="tests.clicks.broker_settings",
                NC_BROKER=server.url,
                NC_CLICKS_QUEUE=QUEUE,
                PYTHONPATH=str(ROOT),
            )
            clicks, kills = by_effort(2_500, 2_500, 40_000), by_effort(8, 8, 60)
            faults = Faults(server, environment, clicks, 50, 4, kills, SEED)
            faults.run()
            print(faults.said(), flush=True)
            self.assertEqual(faults.problems(), [], faults.said())
            self.assertGreaterEqual(min(faults.killed.values()), 1, faults.said())
