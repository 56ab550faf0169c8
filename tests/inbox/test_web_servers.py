"""Each ASGI server that the page "Deploying" lists: streams on it, and what becomes of them when it ends."""

import socket
import time
from unittest import SkipTest, skipUnless

from django.db import connection
from django.test import tag

from tests.support.base import CounterTestCase, notify, uses_redis
from tests.support.browser import session_of
from tests.support.event_stream import EventStream
from tests.support.servers import HOST
from tests.support.web_servers import is_installed, web_server


class WebServerTests:
    """What must hold on every server."""

    name = ""

    @classmethod
    def setUpClass(cls):
        if connection.vendor != "sqlite":
            raise SkipTest("once is enough: the server does not know which database there is")
        if not is_installed(cls.name):
            raise SkipTest(f"{cls.name} is not installed")
        super().setUpClass()

    def setUp(self):
        super().setUp()
        (self.ada,) = self.make_users(1)
        self.server = self.enterContext(web_server(self.name))
        self.session = session_of(self.ada)

    def stream(self, **more):
        return self.enterContext(EventStream(self.server.url, self.session, **more))

    def streams(self):
        with EventStream(self.server.url, path="/streams/") as answer:
            return int(answer.response.read())

    def test_streams_show_values_and_leave_nothing_behind(self):
        with EventStream(self.server.url, self.session, method="HEAD") as head:
            self.assertEqual((head.status, head.response.read()), (200, b""))
        with EventStream(self.server.url, self.session) as stream:
            self.assertEqual(stream.next()["unread"], 0)
            notify(self.ada)
            stream.until(unread=1)
            self.assertEqual(self.streams(), 1)
        end = time.monotonic() + 5
        while self.streams():
            self.assertLess(time.monotonic(), end, "a stream whose client has gone is still there")
            time.sleep(0.1)
        notify(self.ada)
        self.assertEqual(self.stream().next()["unread"], 2)

    def test_a_server_that_is_told_to_end_ends_its_streams_and_itself_at_once(self):
        streams = [self.stream() for _ in range(3)]
        for stream in streams:
            stream.next()
        took = self.server.stop()
        self.assertTrue(all(stream.ends_within(1) for stream in streams))
        self.assertLess(took, 5, self.server.said())
        self.assertNotIn("notifications_counter", self.server.said())  # in no traceback


class ClientThatDoesNotReadTests:
    """On a server that pushes back, and on one that never does."""

    @tag("long")
    @skipUnless(uses_redis(), "takes many events a second")
    def test_a_client_that_does_not_read_is_let_go(self):
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((HOST, self.server.port))
        request = f"GET /inbox/live/ HTTP/1.1\r\nHost: {HOST}\r\nCookie: sessionid={self.session}\r\n\r\n"
        client.sendall(request.encode())
        end = time.monotonic() + 60
        while not self.streams():
            time.sleep(0.05)
        while self.streams():
            self.assertLess(time.monotonic(), end, "a client that does not read has still a stream")
            notify(self.ada, 5)


class UvicornTest(ClientThatDoesNotReadTests, WebServerTests, CounterTestCase):
    name = "uvicorn"


@tag("long")
class DaphneTest(ClientThatDoesNotReadTests, WebServerTests, CounterTestCase):
    name = "daphne"


@tag("long")
class HypercornTest(WebServerTests, CounterTestCase):
    name = "hypercorn"


@tag("long")
class GranianTest(WebServerTests, CounterTestCase):
    name = "granian"


@tag("long")
class GunicornTest(WebServerTests, CounterTestCase):
    name = "gunicorn"
