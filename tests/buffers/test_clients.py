"""Clients of every supported redis-py: idle connections, pools that are full, event loops that end, other servers."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import unittest
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import async_to_sync
from django.db import connection
from django.test import SimpleTestCase, tag

from notifications_counter.buffers import buffers
from notifications_counter.ledger.tables import Delta
from tests.support.base import CounterTestCase, counter, default_buffer, notify, true_count
from tests.support.proxy import proxy
from tests.support.refusing import RefusingServer, refusing_server
from tests.support.servers import failing_valkey
from tests.testapp.models import Click

BACKEND = "notifications_counter.buffers.redis.RedisBuffer"
URL = "https://example.com/"
THREADS = 12

#: Where the clients of the project lead to.
url = ""


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """These tests choose their buffer by themselves: once a database is enough."""
    return tests if os.environ.get("NC_BUFFER") == "redis" else unittest.TestSuite()


def plain_client() -> Any:
    from redis import Redis

    return Redis.from_url(url)


def small_client() -> Any:
    """One with fewer connections than there are threads."""
    from redis import Redis

    return Redis.from_url(url, max_connections=2, socket_timeout=2)


class ClientTestCase(CounterTestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(failing_valkey())
        self.use(URL=self.server.url)
        super().setUp()
        (self.user,) = self.make_users(1)
        for each in (counter, Click.counter):
            each.flush()
        notify(self.user)
        Click.counter.add({URL: 1})
        self.read()

    def use(self, **options: Any) -> None:
        global url
        url = self.server.url
        self.enterContext(default_buffer(BACKEND, {"TIMEOUT": 2, **options}))

    def read(self) -> tuple[int, int]:
        return counter.value(self.user), counter.values([self.user])[self.user]


@tag("long")
class IdleConnectionsTest(ClientTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server.ask("CONFIG", "SET", "timeout", "1")

    def wait(self) -> None:
        """Until the server has closed the connections that nobody uses."""
        time.sleep(1)
        end = time.monotonic() + 10
        while self.server.ask("INFO", "clients")["connected_clients"] > 1 and time.monotonic() < end:
            time.sleep(0.1)

    def go_on(self) -> None:
        with self.assertNoLogs("notifications_counter"):
            self.wait()
            self.assertEqual(self.read(), (1, 1))
            self.wait()
            notify(self.user)
            self.wait()
            Click.counter.add({URL: 1})
            self.wait()
            self.assertEqual((self.read(), Click.counter.value(URL)), ((2, 2), 2))
            self.assertEqual(Delta.objects.count(), 0)
            for each in (counter, Click.counter):
                self.wait()
                self.assertTrue(each.flush().ok)
            self.wait()
            self.assertEqual(Click.counter.status().keys, 0)

    def test_a_connection_that_was_closed_while_idle_is_no_outage(self) -> None:
        self.go_on()

    def test_nor_is_one_of_a_client_of_the_project(self) -> None:
        self.use(CLIENT="tests.buffers.test_clients.plain_client")
        self.go_on()

    def test_nor_for_asynchronous_reads(self) -> None:
        async def read() -> tuple[int, dict[Any, int]]:
            return await counter.avalue(self.user.pk), await counter.avalues([self.user.pk])

        async def read_twice() -> None:
            await read()
            await asyncio.to_thread(self.wait)
            with self.assertNoLogs("notifications_counter"):
                self.assertEqual(await read(), (1, {self.user.pk: 1}))

        asyncio.run(read_twice())


class PoolTest(ClientTestCase):
    def test_readers_wait_for_a_connection_and_a_full_pool_is_no_outage(self) -> None:
        self.use(CLIENT="tests.buffers.test_clients.small_client", TIMEOUT=5)
        barrier = threading.Barrier(THREADS)

        def read(_: int) -> list[int]:
            barrier.wait(30)
            try:
                return [counter.value(self.user.pk) for _ in range(20)]
            finally:
                connection.close()

        self.read()
        with self.assertNoLogs("notifications_counter"), ThreadPoolExecutor(THREADS) as threads:
            self.server.ask("CLIENT", "PAUSE", "500")
            values = [value for found in threads.map(read, range(THREADS)) for value in found]
        self.assertEqual(set(values), {1})


class CommandTest(SimpleTestCase):
    def test_a_script_is_called_by_just_the_bytes_that_the_client_would_send(self) -> None:
        from redis import Connection

        from notifications_counter.buffers.redis.scripts import Base, script_hash, sent_evalsha

        base = Base("schlüssel:{abc/0}")
        for arguments in ([], [""], ["12", "-3", "grüße \r\n$1"], ["x" * 70_000, "y"]):
            command = ("EVALSHA", script_hash("push"), 1, base, *arguments)
            self.assertEqual(sent_evalsha("push", base, arguments), b"".join(Connection().pack_command(*command)))


class EventLoopsTest(ClientTestCase):
    def connections(self) -> int:
        return int(self.server.ask("INFO", "clients")["connected_clients"])

    def test_loops_of_one_request_each_leave_nothing_behind(self) -> None:
        async_to_sync(counter.avalue)(self.user.pk)
        before, files = self.connections(), len(os.listdir("/proc/self/fd"))
        for _ in range(200):
            self.assertEqual(async_to_sync(counter.avalue)(self.user.pk), 1)
        self.assertLessEqual(self.connections() - before, 5)
        self.assertLessEqual(len(os.listdir("/proc/self/fd")) - files, 5)
        self.assertLessEqual(len(buffers["default"]._async_clients._clients), 1)  # type: ignore[attr-defined]

    def test_nor_do_loops_that_are_closed_without_a_word(self) -> None:
        self.enterContext(warnings.catch_warnings(action="ignore", category=ResourceWarning))
        before = self.connections()
        for _ in range(20):
            loop = asyncio.new_event_loop()
            self.assertEqual(loop.run_until_complete(counter.avalue(self.user.pk)), 1)
            loop.close()
        gc.collect()
        self.assertLessEqual(self.connections() - before, 5)


@tag("long")
class AnotherServerTest(CounterTestCase):
    """The address of a server that has become a replica leads to another by now; old connections do not."""

    def test_connections_to_a_server_that_became_read_only_are_dropped(self) -> None:
        old = self.enterContext(refusing_server("valkey"))
        new = self.enterContext(refusing_server("valkey"))
        address = self.enterContext(proxy(old.port))
        self.enterContext(default_buffer(BACKEND, {"URL": f"redis://127.0.0.1:{address.port}/0", "TIMEOUT": 2}))
        super().setUp()
        (user,) = self.make_users(1)
        counter.flush()
        notify(user)
        self.assertEqual(counter.value(user), 1)
        self.fail_over(old, new)
        address.server_port = new.port
        with self.assertNoLogs("notifications_counter"):
            notify(user)
            self.assertEqual((counter.value(user), true_count(user)), (2, 2))
        self.assertEqual(Delta.objects.count(), 0)
        base = buffers["default"].shards.base(counter.store(), 0)  # type: ignore[attr-defined]
        self.assertEqual(new.ask("ZSCORE", f"{base}:pending", user.pk), 2.0)

        async def read() -> int:
            return await counter.avalue(user.pk)

        self.assertEqual(async_to_sync(read)(), 2)

    def fail_over(self, old: RefusingServer, new: RefusingServer) -> None:
        new.ask("REPLICAOF", "127.0.0.1", old.port)
        end = time.monotonic() + 20
        while b"master_link_status:up" not in new._info("replication") and time.monotonic() < end:
            time.sleep(0.1)
        old.ask("WAIT", 1, 1000)
        new.ask("REPLICAOF", "NO", "ONE")
        old.ask("REPLICAOF", "127.0.0.1", new.port)
