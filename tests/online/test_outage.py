"""Redis goes away while people are online: nothing raises, and the log says so once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

from notifications_counter.contrib.online import (
    get_users_online,
    guests_online,
    is_online,
    is_online_many,
    last_seen,
    middleware,
    number_online,
    presence,
    report_user,
    tick,
    users_online,
)
from notifications_counter.contrib.online.layouts import layout
from tests.support.base import CounterTestCase, uses_redis
from tests.support.servers import FailingValkey, failing_valkey

from .test_middleware import MIDDLEWARE
from .test_presence import online


@override_settings(MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="tests.online.urls")
class OutageTest(CounterTestCase):
    server: FailingValkey

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = cls.enterClassContext(failing_valkey())

    def setUp(self) -> None:
        super().setUp()
        if uses_redis() or connection.vendor != "sqlite":
            self.skipTest("once is enough")
        self.ada = User.objects.create(username="ada")
        presence._kept.clear()
        middleware._reported.clear()

    @contextmanager
    def away(self) -> Iterator[Any]:
        self.server.kill()
        try:
            with self.assertLogs("notifications_counter", "INFO") as logs:
                yield logs
        finally:
            self.server.start()

    def use_everything(self) -> None:
        client = Client()
        client.force_login(self.ada)
        self.assertEqual(client.get("/there/").content, b"there")
        report_user("ben")
        tick()
        get_users_online()
        number_online()
        guests_online()
        users_online()
        is_online("ada")
        is_online_many(["ada", "ben"])
        last_seen("ada")
        self.assertEqual(client.get("/who/").status_code, 200)
        call_command("notification_update_counter", verbosity=0)

    def test_nothing_raises_and_there_is_one_line_in_the_log(self) -> None:
        for name in ("buckets", "two_sets"):
            with self.subTest(name), online(LAYOUT=name, LOCATION=self.server.url):
                middleware._reported.clear()
                self.use_everything()
                with self.away() as logs:
                    self.use_everything()
                self.assertEqual(len(logs.output), 1, logs.output)
                self.assertIn("Who is online: Redis: no answer", logs.output[0])

    def test_the_last_known_answer_is_told_and_nobody_where_there_is_none(self) -> None:
        with online(LOCATION=self.server.url):
            report_user(self.ada)
            self.assertEqual((list(users_online()), number_online(), get_users_online()), ([self.ada], 1, {"ada"}))
            with self.away():
                self.assertEqual((list(users_online()), number_online(), get_users_online()), ([self.ada], 1, {"ada"}))
                self.assertEqual((list(users_online(5)), number_online(5), is_online("ada")), ([], 0, False))

    def test_reports_are_noted_again_as_soon_as_it_answers(self) -> None:
        with online(LOCATION=self.server.url):
            with self.away():
                report_user("ada")
            layout().server.redis.breaker._until = 0.0  # type: ignore[attr-defined]
            report_user("ada")
            self.assertTrue(is_online("ada"))

    def test_no_password_is_in_the_log(self) -> None:
        location = self.server.url.replace("//", "//:secret-word@")
        with online(LOCATION=location), self.away() as logs:
            report_user("ada")
        self.assertNotIn("secret-word", "".join(logs.output))
