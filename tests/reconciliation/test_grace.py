"""Keys are recounted as soon after a death as the grace time promises, whatever else was left behind."""

from __future__ import annotations

import time

from django.db import models

from notifications_counter.buffers import buffers
from notifications_counter.buffers.redis import RedisBuffer
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, counter, fast_healing, uses_redis
from tests.support.intents import write_intents


class GraceTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        if not uses_redis():
            self.skipTest("the database buffer has no intents")
        self.enterContext(fast_healing())
        (self.user,) = self.make_users(1)

    def leave(self, **intents: int) -> None:
        """Intents of a key whose turn has come."""
        write_intents(self.buffer.server.client, self.base, str(self.user.pk), intents)
        self.buffer.server.client.zadd(f"{self.base}:dirty", {str(self.user.pk): 0})

    @property
    def buffer(self) -> RedisBuffer:
        buffer = buffers["default"]
        assert isinstance(buffer, RedisBuffer)
        return buffer

    @property
    def base(self) -> str:
        return self.buffer.shards.base(counter.store(), 0)

    def commit_without_a_push(self) -> None:
        models.QuerySet(Notification).bulk_create([Notification(user=self.user, text="committed, and never pushed")])

    def assert_heals(self) -> None:
        self.assertEqual(counter.flush().recounted, 1)
        self.assertEqual((counter.value(self.user), self.stored(self.user)), (1, 1))

    def test_a_new_intent_is_looked_at_after_the_grace_time_beside_one_whose_turn_is_much_later(self) -> None:
        self.leave(died_long_ago=int(time.time()) - 5000)
        self.assertEqual(counter.flush().recounted, 1)
        self.buffer.server.run("intend", self.base, "dies now", 1, str(self.user.pk))
        self.commit_without_a_push()
        time.sleep(1)
        self.assert_heals()

    def test_a_long_transaction_is_looked_at_again_when_it_is_twice_as_old_beside_a_much_older_one(self) -> None:
        began = int(time.time()) - 2
        self.leave(died_long_ago=began - 5000, dies_in_its_third_second=began)
        self.assertEqual(counter.flush().recounted, 1)
        self.commit_without_a_push()
        time.sleep(3)
        self.assert_heals()
