"""Groups of composite keys, which the Redis buffer caches whole."""

from __future__ import annotations

import unittest
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifications_counter.buffers.redis.shards import Shards
from notifications_counter.ledger.progress import Layout
from tests.capture.test_composite import KINDS, CompositeTestCase, by_kind
from tests.shop.models import Message
from tests.support.base import default_buffer, note_layout, notify, uses_redis


@unittest.skipUnless(uses_redis(), "of the Redis buffer only")
class CachedGroupTest(CompositeTestCase):
    def called(self, read: Callable[[], Any]) -> tuple[int, int]:
        """How many scripts a read runs, and how many statements."""
        client = by_kind.buffer.server.client  # type: ignore[attr-defined]
        before = client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]
        with CaptureQueriesContext(connection) as queries:
            read()
        return client.info("commandstats")["cmdstat_evalsha"]["calls"] - before, len(queries)

    def test_a_group_takes_one_call_when_cached_else_one_statement_too(self) -> None:
        self.send(self.user, "a")
        for _ in range(2):  # the first loads the scripts, and makes the progress rows
            by_kind.buffer.clear_cache(by_kind.store())
            uncached = self.called(lambda: by_kind.values_of(self.user))
        self.assertEqual(uncached, (2, 1), "one call, one statement, and one call to cache it")
        for change in (lambda: None, lambda: self.send(self.user, "b"), Message.objects.all().delete):
            change()
            self.assertEqual(self.called(lambda: by_kind.values_of(self.user)), (1, 0))
        self.assertEqual(by_kind.values_of(self.user), {})

    def test_an_empty_group_is_cached_too(self) -> None:
        for _ in range(2):
            by_kind.values_of(self.user)
        self.assertEqual(self.called(lambda: by_kind.values_of(self.user)), (1, 0))

    def test_what_somebody_else_wrote_there_is_not_believed(self) -> None:
        self.send(self.user, "a")
        by_kind.values_of(self.user)
        client = by_kind.buffer.server.client  # type: ignore[attr-defined]
        (name,) = client.keys("*:group:*")
        client.hset(name, "a", "many")
        self.assertEqual(by_kind.values_of(self.user), {"a": 1})
        client.hset(name, "a", "many")
        self.send(self.user, "a")
        self.assertEqual(by_kind.values_of(self.user), {"a": 2})

    def test_a_group_expires_and_is_in_the_shard_of_its_first_part(self) -> None:
        store, shards = by_kind.store(), Shards(Layout("nc", 7))
        of = {shards.of(store, by_kind.key_text((self.user, kind))) for kind in KINDS}
        self.assertEqual(of, {shards.of_group(by_kind.keys.group(self.user))})
        self.assertGreater(len({shards.of(store, f"{number},a") for number in range(50)}), 1)
        by_kind.values_of(self.user)
        client = by_kind.buffer.server.client  # type: ignore[attr-defined]
        (name,) = client.keys("*:group:*")
        self.assertTrue(0 < client.ttl(name) <= 3600)

    def test_several_shards_give_the_same(self) -> None:
        options = {**settings.NOTIFICATIONS_COUNTER["BUFFERS"]["default"]["OPTIONS"], "SHARDS": 3}
        with default_buffer("notifications_counter.buffers.redis.RedisBuffer", options):
            note_layout()
            for kind in KINDS:
                for user in self.users:
                    self.send(user, kind, thread=uuid.uuid4())
            for _ in range(2):
                self.assert_right()
                self.assert_stored_right()

    def test_a_counter_with_single_keys_keeps_no_indexes(self) -> None:
        notify(self.user)
        client = by_kind.buffer.server.client  # type: ignore[attr-defined]
        self.assertEqual(client.keys("*_keys"), [])

    def test_without_redis_a_group_is_read_from_the_database(self) -> None:
        self.send(self.user, "a")
        by_kind.flush()
        options = {**settings.NOTIFICATIONS_COUNTER["BUFFERS"]["default"]["OPTIONS"], "URL": "redis://127.0.0.1:1/0"}
        with default_buffer("notifications_counter.buffers.redis.RedisBuffer", options):
            self.send(self.user, "b")
            with transaction.atomic():
                self.send(self.user, "c")
                self.assertEqual(by_kind.values_of(self.user), {"a": 1, "b": 1, "c": 1})
