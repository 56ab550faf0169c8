"""How a stream learns of changes: at once where processes can tell each other, else by looking; never not at all."""

import time
from contextlib import suppress
from unittest import skipUnless

from django.db import connection, transaction
from django.test import Client

from notifications_counter.exceptions import BufferUnavailable
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, fast_healing, flush_all, note_layout, notify, uses_redis
from tests.support.browser import session_of
from tests.support.clusters import wait_for
from tests.support.event_stream import EventStream
from tests.support.servers import failing_valkey
from tests.support.web_servers import web_server

#: So long that only a message can be in time.
RARELY = {"LIVE_INTERVAL": 60, "LIVE_SESSION_INTERVAL": 60}


@skipUnless(uses_redis() or connection.vendor == "postgresql", "needs Redis, or LISTEN and NOTIFY")
class WakeUpTest(CounterTestCase):
    """On a server that looks for nothing by itself."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.enterClassContext(web_server(inbox=RARELY))

    def setUp(self):
        super().setUp()
        self.ada, self.ben = self.make_users(2)
        self.client = Client()
        self.client.force_login(self.ada)
        self.stream = self.enterContext(EventStream(self.server.url, self.client.cookies["sessionid"].value))
        self.stream.next()
        time.sleep(0.5)  # the first confirmation of the subscription has made it look once

    def test_a_commit_is_shown_at_once(self):
        for number in range(1, 6):
            notify(self.ada)
            self.assertLess(self.stream.until(unread=number), 0.5)

    def test_what_is_rolled_back_is_not_shown_and_what_comes_after_it_is(self):
        with transaction.atomic():
            with transaction.atomic():
                notify(self.ada, 3)
                transaction.set_rollback(True)
            notify(self.ada)
        self.assertEqual(self.stream.next()["unread"], 1)

    def test_more_users_than_a_message_can_name_are_all_told(self):
        users = self.more_users(3000)
        Notification.objects.bulk_create([Notification(user=user, text="to all") for user in [*users, self.ada]])
        self.stream.until(unread=1)

    def more_users(self, number):
        model = type(self.ada)
        return model.objects.bulk_create([model(username=f"more{place}") for place in range(number)])

    def test_a_log_out_in_another_process_ends_the_stream_at_once(self):
        self.client.post("/logout/")
        self.assertTrue(self.stream.ends_within(2))

    @skipUnless(connection.vendor == "postgresql" and not uses_redis(), "about a connection of PostgreSQL")
    def test_one_connection_hears_for_all_streams(self):
        others = [self.enterContext(EventStream(self.server.url, session_of(self.ben))) for _ in range(5)]
        for other in others:
            other.next()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND query NOT LIKE 'autovacuum%'"
            )
            self.assertLessEqual(cursor.fetchone()[0], 1)


class LostWakeUpTest(CounterTestCase):
    """On a server that looks once a second."""

    def setUp(self):
        super().setUp()
        (self.ada,) = self.make_users(1)

    def stream(self, server):
        stream = self.enterContext(EventStream(server.url, session_of(self.ada)))
        stream.next()
        return stream

    @skipUnless(uses_redis(), "about Redis")
    def test_redis_that_is_killed_empty_and_away_lets_no_stream_be_wrong(self):
        valkey = self.enterContext(failing_valkey())
        self.enterContext(fast_healing(url=valkey.url, timeout=1))
        note_layout()
        notify(self.ada)
        flush_all()
        stream = self.stream(self.enterContext(web_server(NC_REDIS_URL=valkey.url)))
        with self.assertLogs("notifications_counter", "WARNING"):
            valkey.kill()
            notify(self.ada)
            stream.until(unread=2, seconds=6)
            valkey.start()
            notify(self.ada)
            wait_for(self.flushed)
        stream.until(unread=3, seconds=6)

    def flushed(self):
        """Whether a flush has found the server again."""
        with suppress(BufferUnavailable):
            flush_all()
            return True
        return False

    @skipUnless(connection.vendor == "postgresql" and not uses_redis(), "about a connection of PostgreSQL")
    def test_a_listening_connection_that_is_cut_is_made_again(self):
        with web_server() as server:
            stream = self.stream(server)
            for number in (1, 2, 3):
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                notify(self.ada)
                stream.until(unread=number, seconds=4)
