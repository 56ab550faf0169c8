"""One process, many threads: all of them count and read by one client and its connections."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connections

from notifications_counter.buffers import buffers
from tests.support.base import CounterTestCase, counter, notify, uses_redis
from tests.testapp.models import Click

THREADS, TIMES = 16, 25
URL = "https://example.com/"


class ThreadsTest(CounterTestCase):
    def at_once(self, work: Callable[[int], Any]) -> list[Any]:
        """What each of the threads returns, which all begin at one moment."""
        barrier = Barrier(THREADS)

        def in_thread(number: int) -> Any:
            try:
                barrier.wait(30)
                return work(number)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(THREADS) as executor:
            return list(executor.map(in_thread, range(THREADS)))

    def test_each_reads_at_least_what_it_has_counted_and_in_the_end_all_is_exact(self) -> None:
        users = self.make_users(4)
        counter.flush()
        Click.counter.flush()

        def work(number: int) -> None:
            user = users[number % 4]
            for done in range(1, TIMES + 1):
                notify(user)
                Click.counter.add({URL: 1})
                self.assertGreaterEqual(counter.value(user), done)
                self.assertGreaterEqual(Click.counter.value(URL), done)
                self.assertGreaterEqual(counter.values(users)[user], done)

        self.at_once(work)
        self.assertEqual(Click.counter.value(URL), THREADS * TIMES)
        self.assert_exact(users)
        self.assertTrue(counter.flush().ok)
        self.assertTrue(Click.counter.flush().ok)
        self.assert_stored_exact(users)
        self.assertEqual(Click.objects.get().clicks, THREADS * TIMES)

    def test_they_share_one_client_with_a_connection_for_each_at_most(self) -> None:
        if not uses_redis():
            self.skipTest("the database buffer has no client")
        (user,) = self.make_users(1)
        notify(user)
        client: Any = buffers["default"].server.client  # type: ignore[attr-defined]
        clients = self.at_once(lambda number: (counter.value(user), buffers["default"].server.client)[1])  # type: ignore[attr-defined]
        self.assertEqual({id(one) for one in clients}, {id(client)})
        self.assertLessEqual(client.connection_pool._created_connections, THREADS + 1)
