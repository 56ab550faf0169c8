"""Workers that are killed: each product becomes active once, with each thumbnail once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.test import SimpleTestCase, tag

from tests.support.product_faults import Faults
from tests.support.rabbitmq import AMQP_URL, needs_rabbitmq
from tests.support.walks import SEED, by_effort

from .demo import once
from .test_fetching import picture


@once
@tag("long")
@needs_rabbitmq
class FaultsTest(SimpleTestCase):
    def test_each_product_is_active_once_and_has_each_thumbnail_once_whoever_is_killed(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            places = {"DEMO_DATABASE": str(Path(folder) / "shop.sqlite3"), "DEMO_CACHE": str(Path(folder) / "cache")}
            products, kills = by_effort(60, 60, 1000), by_effort(6, 6, 60)
            faults = Faults(AMQP_URL, places, picture(300, 300), products, kills, SEED)
            faults.run()
        print(faults.said(), flush=True)
        self.assertEqual(faults.problems(), [], faults.said())
        self.assertGreaterEqual(min(faults.killed.values()), 1, faults.said())
