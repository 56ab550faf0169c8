"""Random changes by several processes, while those that send are killed: every document is what its row is."""

from __future__ import annotations

import json
import random
import time
import unittest
from typing import Any, ClassVar

from django.db import connection
from django.test import tag

from notifications_counter.contrib.search.bodies import OF_FIELDS
from notifications_counter.contrib.search.sinks.base import DIGEST
from notifications_counter.projections.tables import OutdatedDocuments
from tests.servers.engine_node import Build, Node
from tests.support.base import CounterTestCase, finish, start_child, uses_redis
from tests.support.engines import OPENSEARCH_3, shared
from tests.support.walks import SEED, by_effort

from .base import flush_all, settings_with, wanted
from .models import Crate, Item

PROCESSES = 4
KILLS = by_effort(3, 5, 200)
STEPS = by_effort(60, 100, 25_000)


class WalkCase(CounterTestCase):
    """With a sink; not a test by itself."""

    def search(self) -> dict[str, Any]:
        """The settings."""
        return {"AUDIT_INTERVAL": None}

    def setUp(self) -> None:
        super().setUp()
        settings = settings_with(**self.search())
        settings.enable()
        self.addCleanup(settings.disable)
        for model in (Item, Crate):
            model.search.rebuild()

    def test_no_document_is_missing_stale_or_left(self) -> None:
        environment = {"NC_SEARCH": json.dumps(self.search()), "DJANGO_SETTINGS_MODULE": "tests.apps_settings"}
        chance = random.Random(SEED)
        walkers = [start_child("search_walk", SEED + place, STEPS, **environment) for place in range(PROCESSES)]
        senders = [start_child("search_flush", **environment) for _ in range(2)]
        killed = 0
        while any(walker.poll() is None for walker in walkers):
            time.sleep(chance.uniform(0.5, 3))
            if killed < KILLS:
                victim = senders.pop(0)
                victim.kill()
                victim.communicate()
                killed += 1
                senders.append(start_child("search_flush", **environment))
        for walker in walkers:
            finish(walker)
        for sender in senders:
            sender.kill()
            sender.communicate()
        self.assertGreater(killed, 0)
        while OutdatedDocuments.objects.exists():
            flush_all()
        for model in (Item, Crate):
            self.assert_right(model)

    def assert_right(self, model: Any) -> None:
        index = model.search
        index.refresh()
        stored, after = [], None
        while part := index.sink.stored_after(index, after, 1000, using="default"):
            stored += part
            after = part[-1].key
        have = {one.key: one.digest[:OF_FIELDS] for one in stored if one.digest is not None}
        self.assertEqual(have, {key: body[DIGEST][:OF_FIELDS] for key, body in wanted(model).items()}, f"seed {SEED}")
        self.assertGreater(len(have), 0)


class DatabaseWalkTest(WalkCase):
    def setUp(self) -> None:
        if connection.vendor == "sqlite":
            self.skipTest("SQLite has one writer at a time: its transactions cannot come between each other")
        super().setUp()


@tag("long")
@unittest.skipUnless(connection.vendor == "postgresql" and not uses_redis(), "with PostgreSQL, where writers race")
class OpenSearchWalkTest(WalkCase):
    build: ClassVar[Build] = OPENSEARCH_3
    node: ClassVar[Node]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.node = shared(cls.build)

    def search(self) -> dict[str, Any]:
        return {**super().search(), "SINK": "opensearch", "URL": self.node.url, "PREFIX": "walk-", "TIMEOUT": 20}


del WalkCase
