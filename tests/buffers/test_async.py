"""Asynchronous reads: what they return is what the others return, and what is cached takes no thread."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from redis import asyncio as asynchronous

from notifications_counter.buffers import buffers
from notifications_counter.exceptions import InvalidKey
from tests.support.base import CounterTestCase, counter, default_buffer, fast_healing, notify, uses_redis
from tests.support.servers import failing_valkey

REDIS = "notifications_counter.buffers.redis.RedisBuffer"


def run(reads: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns, on a loop of its own."""

    async def closing() -> Any:
        try:
            return await reads
        finally:
            await buffers["default"].aclose()
            await sync_to_async(connections.close_all)()  # of the thread that has asked the database

    return asyncio.run(closing())


def async_client() -> Any:
    return asynchronous.Redis.from_url(settings.REDIS_URL)


class AsyncReadTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(fast_healing())  # whose time-out is long, so that nobody gives up on a slow machine
        self.users = self.make_users(3)
        for number, user in enumerate(self.users):
            notify(user, number)

    def read(self) -> tuple[int, dict[Any, int]]:
        async def both() -> tuple[int, dict[Any, int]]:
            return await counter.avalue(self.users[2]), await counter.avalues(self.users)

        return run(both())

    def test_it_is_what_the_synchronous_read_returns_cached_or_not(self) -> None:
        for _ in range(2):
            self.assertEqual(self.read(), (2, {user: number for number, user in enumerate(self.users)}))
        notify(self.users[2])
        counter.flush()
        self.assertEqual(self.read()[0], 3)

    def test_a_key_that_is_none_is_refused(self) -> None:
        with self.assertRaises(InvalidKey):
            run(counter.avalue("nobody"))

    def test_hundreds_of_tasks_may_read_at_once(self) -> None:
        async def many() -> list[int]:
            return await asyncio.gather(*(counter.avalue(self.users[2]) for _ in range(300)))

        self.assertEqual(set(run(many())), {2})


class AsyncRedisTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        if not uses_redis():
            self.skipTest("only Redis caches")
        (self.user,) = self.make_users(1)
        notify(self.user, 4)
        counter.value(self.user)

    def test_a_cached_value_takes_no_thread_and_no_database(self) -> None:
        async def both() -> tuple[int, dict[Any, int]]:
            return await counter.avalue(self.user), await counter.avalues([self.user])

        threads = mock.patch("notifications_counter.buffers.base.sync_to_async", side_effect=AssertionError)
        with self.assertNumQueries(0), threads:
            self.assertEqual(run(both()), (4, {self.user: 4}))

    def test_a_client_of_ones_own_is_asked(self) -> None:
        path = f"{__name__}.async_client"
        threads = mock.patch("notifications_counter.buffers.base.sync_to_async", side_effect=AssertionError)
        options = {"CLIENT": "tests.buffers.test_redis.decoding_client", "ASYNC_CLIENT": path}
        with default_buffer(REDIS, options), threads:
            self.assertEqual(run(counter.avalue(self.user)), 4)

    def test_without_one_a_thread_asks(self) -> None:
        with default_buffer(REDIS, {"CLIENT": "tests.buffers.test_redis.decoding_client"}):
            self.assertEqual(run(counter.avalue(self.user)), 4)

    def test_a_server_that_is_gone_is_left_alone_and_the_database_answers(self) -> None:
        counter.flush()
        with failing_valkey() as server, default_buffer(REDIS, {"URL": server.url, "TIMEOUT": 0.5}):
            counter.flush()
            notify(self.user)
            counter.flush()
            self.assertEqual(run(counter.avalue(self.user)), 5)
            server.kill()
            with self.assertLogs("notifications_counter", "ERROR") as logs:
                self.assertEqual(run(counter.avalue(self.user)), 5)
                self.assertEqual(run(counter.avalue(self.user)), 5)
            self.assertEqual(len(logs.output), 1)
