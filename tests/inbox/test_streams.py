"""Streams of a real server, as a client sees them that reads them byte by byte."""

import json
import time
from unittest import skipIf

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import tag

from notifications_counter.inbox.numbers import numbers_of
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, notify, uses_redis
from tests.support.browser import session_of
from tests.support.event_stream import EventStream
from tests.support.web_servers import web_server


class StreamTestCase(CounterTestCase):
    """A site on a server of its own, and two users."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.enterClassContext(web_server())

    def setUp(self):
        super().setUp()
        self.ada, self.ben = self.make_users(2)
        self.session = session_of(self.ada)

    def stream(self, session=None, **more):
        return self.enterContext(EventStream(self.server.url, self.session if session is None else session, **more))


class StreamTest(StreamTestCase):
    def test_connecting_says_the_current_value_with_its_epoch_and_revision(self):
        notify(self.ada, 3)
        Notification.objects.of(self.ada).mark_as_seen()
        notify(self.ada)
        event, numbers = self.stream().next(), numbers_of(self.ada)
        self.assertEqual(event.pop("id"), f"{numbers.epoch}:{numbers.revision}")
        self.assertEqual(event, {"unread": 4, "unseen": 1, "revision": numbers.revision})

    def test_each_change_comes_within_a_second_and_with_a_higher_revision(self):
        stream = self.stream()
        before = stream.next()
        for unread, change in [
            (1, lambda: notify(self.ada)),
            (3, lambda: notify(self.ada, 2)),
            (0, lambda: Notification.objects.of(self.ada).mark_as_read()),
            (3, lambda: Notification.objects.of(self.ada).mark_as_unread()),
            (0, lambda: Notification.objects.of(self.ada).delete()),
        ]:
            change()
            self.assertLess(stream.until(unread=unread), 2)  # on a machine that does other things too
        notify(self.ada)
        after = stream.next()
        self.assertGreater(after["revision"], before["revision"])

    def test_streams_show_each_user_only_what_is_theirs(self):
        ada, ben = self.stream(), self.stream(session_of(self.ben))
        self.assertEqual((ada.next()["unread"], ben.next()["unread"]), (0, 0))
        notify(self.ben, 2)
        notify(self.ada, 5)
        ada.until(unread=5)
        ben.until(unread=2)
        self.assertNotEqual(numbers_of(self.ada).epoch, numbers_of(self.ben).epoch)

    def test_a_stream_is_neither_kept_nor_gathered_nor_compressed_on_its_way(self):
        headers = self.stream(Accept_Encoding="gzip, br").response.headers
        self.assertTrue(headers["Content-Type"].startswith("text/event-stream"))
        self.assertIn("no-transform", headers["Cache-Control"])
        self.assertIn("no-store", headers["Cache-Control"])
        self.assertEqual((headers["X-Accel-Buffering"], headers["Content-Encoding"]), ("no", None))

    def test_a_head_request_is_answered_and_ends(self):
        response = self.stream(method="HEAD").response
        self.assertEqual((response.status, response.read()), (200, b""))
        self.assertTrue(response.headers["Content-Type"].startswith("text/event-stream"))

    @skipIf(uses_redis() or connection.vendor != "sqlite", "once is enough of what takes so long")
    @tag("long")
    def test_a_silent_stream_gets_a_comment_after_fifteen_seconds(self):
        stream = self.stream()
        stream.next()
        with self.assertRaises(TimeoutError):
            stream.next(17.5)
        self.assertEqual(stream.comments, 1)

    def test_what_is_not_at_the_address_goes_to_the_application(self):
        self.assertEqual(self.stream(path="/page/").status, 200)
        self.assertEqual(self.stream(path="/elsewhere/live/").status, 404)
        self.assertEqual(self.stream(path="/inbox/live").status, 301)


class RefusalTest(StreamTestCase):
    def assert_refused(self, status, session=None, **more):
        stream = self.stream(session, **more)
        problem = json.loads(stream.response.read())
        self.assertEqual((stream.status, problem["status"]), (status, status))
        self.assertEqual(stream.response.headers["Content-Type"], "application/problem+json")

    def test_without_a_session_nothing_is_shown(self):
        self.assert_refused(401, session="")
        self.assert_refused(401, session="a" * 32)
        self.assert_refused(401, session="\"'; DROP TABLE x")

    def test_a_session_that_has_expired_is_none(self):
        Session.objects.update(expire_date="2001-01-01T00:00Z")
        self.assert_refused(401)

    def test_a_session_from_before_a_change_of_password_is_none(self):
        self.ada.set_password("another")
        self.ada.save()
        self.assert_refused(401)

    def test_a_user_who_is_not_active_gets_nothing(self):
        User.objects.update(is_active=False)
        self.assert_refused(401)

    def test_other_methods_hosts_and_sites_are_refused(self):
        self.assert_refused(405, method="POST")
        self.assert_refused(400, Host="evil.example")
        self.assert_refused(403, Origin="https://evil.example")
        self.assert_refused(403, Sec_Fetch_Site="cross-site")
        self.assertEqual(self.stream(Origin=self.server.url).status, 200)


class EndOfSessionTest(StreamTestCase):
    """A stream ends with the session that it was opened with."""

    def setUp(self):
        super().setUp()
        self.streaming = self.stream()
        self.streaming.next()

    def assert_ends(self, seconds=20):
        self.assertTrue(self.streaming.ends_within(seconds))
        self.assertEqual(self.stream().status, 401)

    def test_logging_out_ends_it_at_once_and_no_stream_of_others(self):
        other = self.stream(session_of(self.ada))
        other.next()
        self.assertEqual(self.stream(path="/leave/", method="POST").status, 204)
        began = time.monotonic()
        self.assert_ends()
        self.assertLess(time.monotonic() - began, 5)
        notify(self.ada)
        other.until(unread=1)

    def test_a_user_who_is_deactivated_has_none_soon(self):
        User.objects.update(is_active=False)
        self.assert_ends()

    def test_a_new_password_ends_it_soon(self):
        self.ada.set_password("another")
        self.ada.save()
        self.assert_ends()

    def test_a_user_who_is_deleted_has_none_soon(self):
        self.ada.delete()
        self.assert_ends()

    def test_a_session_that_expires_ends_it_soon(self):
        Session.objects.update(expire_date="2001-01-01T00:00Z")
        self.assert_ends()
