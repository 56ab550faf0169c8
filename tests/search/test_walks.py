"""Random changes by several processes, while those that send are killed: every document is what its row is."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import unittest
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from django.db import connection
from django.test import tag

from notifications_counter.contrib.search.bodies import OF_FIELDS
from notifications_counter.contrib.search.conf import get_sink
from notifications_counter.contrib.search.sinks.base import DIGEST
from notifications_counter.projections.tables import OutdatedDocuments
from tests.servers.engine_node import Build, Node
from tests.support.base import CounterTestCase, finish, start_child, uses_redis
from tests.support.engines import ELASTICSEARCH, OPENSEARCH_2, OPENSEARCH_3, shared
from tests.support.proxy import proxy
from tests.support.walks import SEED, by_effort

from .base import flush_all, settings_with, wanted
from .models import Crate, Item

PROCESSES = 4
FAULTS = by_effort(3, 6, 300)
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
        self.senders: list[Any] = []
        self.chance = random.Random(SEED)

    def start(self, name: str, *arguments: Any) -> Any:
        environment = {"NC_SEARCH": json.dumps(self.search()), "DJANGO_SETTINGS_MODULE": "tests.apps_settings"}
        return start_child(name, *arguments, **environment)

    def faults(self) -> list[Callable[[], None]]:
        """What can go wrong."""
        return [self.kill_a_sender]

    def kill_a_sender(self) -> None:
        victim = self.senders.pop(0)
        victim.kill()
        victim.communicate()
        self.senders.append(self.start("search_flush"))

    def test_no_document_is_missing_stale_or_left(self) -> None:
        print(f"\nseed of {type(self).__name__}: {SEED}; {PROCESSES * STEPS:,} operations", flush=True)
        walkers = [self.start("search_walk", SEED + place, STEPS) for place in range(PROCESSES)]
        self.senders = [self.start("search_flush") for _ in range(2)]
        done = Counter[str]()
        while any(walker.poll() is None for walker in walkers):
            time.sleep(self.chance.uniform(0.3, 1.5))
            if done.total() < FAULTS:
                fault = self.faults()[done.total() % len(self.faults())]
                fault()
                done[fault.__name__] += 1
        for walker in walkers:
            finish(walker)
        for sender in self.senders:
            sender.kill()
            sender.communicate()
        print(f"faults: {dict(done)}{self.dropped()}", flush=True)
        self.assertGreater(done.total(), 0)
        while OutdatedDocuments.objects.exists():
            flush_all()
        for model in (Item, Crate):
            self.assert_right(model)

    def dropped(self) -> str:
        """What else went wrong."""
        return ""

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


class EngineWalkCase(WalkCase):
    """With an engine behind a proxy that loses requests and replies; at times it is silent, or refuses all."""

    build: ClassVar[Build]
    node: ClassVar[Node]
    sink_name = "opensearch"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.node = shared(cls.build)

    def setUp(self) -> None:
        self.between = self.enterContext(proxy(self.node.port))
        super().setUp()
        self.addCleanup(lambda: get_sink().connection.make_client().close())
        self.between.requests = self.between.replies = 0.05

    def search(self) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.between.port}"
        return {**super().search(), "SINK": self.sink_name, "URL": url, "PREFIX": "walk-", "TIMEOUT": 5}

    def faults(self) -> list[Callable[[], None]]:
        return [self.kill_a_sender, self.silence, self.refuse]

    def silence(self) -> None:
        os.kill(self.node.pid or 0, signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.1, 7))
        os.kill(self.node.pid or 0, signal.SIGCONT)

    def refuse(self) -> None:
        self.set_block("true")
        time.sleep(self.chance.uniform(0.1, 2))
        self.set_block("false")

    def set_block(self, value: str) -> None:
        body = f'{{"index.blocks.write": {value}}}'.encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.node.url}/walk-*/_settings", body, headers, method="PUT")
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()

    def dropped(self) -> str:
        self.between.requests = self.between.replies = 0
        return f", {self.between.dropped} requests and replies lost"


IN_FULL = unittest.skipUnless(
    connection.vendor == "postgresql" and not uses_redis(), "with PostgreSQL, where writers race"
)


@tag("long")
@IN_FULL
class OpenSearchWalkTest(EngineWalkCase):
    build = OPENSEARCH_3


@tag("long")
@IN_FULL
class OpenSearch2WalkTest(EngineWalkCase):
    build = OPENSEARCH_2


@tag("long")
@IN_FULL
class ElasticsearchWalkTest(EngineWalkCase):
    build = ELASTICSEARCH
    sink_name = "elasticsearch"


del WalkCase, EngineWalkCase
