"""The middleware: who is reported, how often, and for which requests."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client, override_settings

from notifications_counter.contrib.online import get_users_online, guests_online, is_online, middleware
from notifications_counter.contrib.online.layouts import layout
from notifications_counter.contrib.online.models import Report
from tests.support.base import CounterTestCase, uses_redis

from .test_presence import online

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "notifications_counter.contrib.online.OnlineMiddleware",
]


def commands() -> int:
    """How many reports the layout has had."""
    if uses_redis():
        found = layout().server.redis.client.info("commandstats")  # type: ignore[attr-defined]
        return int(sum(found.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval")))
    return Report.objects.count()


@override_settings(MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="tests.online.urls")
class MiddlewareTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        middleware._reported.clear()  # as in a process that begins
        self.ada = User.objects.create(username="ada")

    def client_of(self, user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    def test_a_user_who_makes_a_request_is_online(self) -> None:
        self.client_of(self.ada).get("/there/")
        self.assertEqual(get_users_online(), {"ada"})

    async def test_an_asynchronous_request_reports_too(self) -> None:
        client = AsyncClient()
        await client.aforce_login(self.ada)
        response = await client.get("/athere/")
        self.assertEqual(response.content, b"there")

        self.assertEqual(await sync_to_async(get_users_online)(), {"ada"})

    def test_many_requests_of_many_tabs_are_one_report(self) -> None:
        tabs = [self.client_of(self.ada) for _ in range(3)]
        tabs[0].get("/there/")
        before = commands()
        for tab in tabs:
            for _ in range(5):
                tab.get("/there/")
        self.assertEqual(commands(), before)

    def test_another_process_reports_nothing_where_the_cookie_says_that_one_did(self) -> None:
        client = self.client_of(self.ada)
        client.get("/there/")
        cookie = client.cookies["online"]
        self.assertEqual((cookie["httponly"], cookie["samesite"], cookie["max-age"]), (True, "Lax", 30))
        before = commands()
        middleware._reported.clear()  # another process
        client.get("/there/")
        self.assertEqual(commands(), before)

    def test_a_forged_cookie_and_that_of_another_user_keep_nobody_from_being_reported(self) -> None:
        ben = self.client_of(User.objects.create(username="ben"))
        ben.get("/there/")
        for value in ("forged", "7:1vJ:x", ben.cookies["online"].value):
            middleware._reported.clear()
            layout().forget("ada", ["u:"])
            client = self.client_of(self.ada)
            client.cookies["online"] = value
            client.get("/there/")
            self.assertTrue(is_online("ada"), value)

    def test_a_page_that_is_loaded_ahead_reports_nobody(self) -> None:
        for purpose in ("prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip", "prerender"):
            response = self.client_of(self.ada).get("/there/", headers={"Sec-Purpose": purpose})
            self.assertEqual((response.content, "online" in response.cookies), (b"there", False))
        self.assertEqual(get_users_online(), set())
        self.client_of(self.ada).get("/there/")
        self.assertEqual(get_users_online(), {"ada"})

    def test_guests_are_reported_only_where_a_setting_says_so(self) -> None:
        response = Client().get("/there/", REMOTE_ADDR="192.0.2.1")
        self.assertEqual((guests_online(), response.cookies), (0, {}))
        with online(GUESTS=True):
            for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", ""):
                response = Client().get("/there/", REMOTE_ADDR=address)
                self.assertEqual(response.cookies, {})
            self.assertEqual(guests_online(), 2)
        self.assertEqual(get_users_online(), set())

    def test_a_guests_address_comes_from_where_a_setting_says(self) -> None:
        with online(GUESTS=True, ADDRESS="tests.online.samples.address_in_header"):
            for address in ("198.51.100.7", "198.51.100.8"):
                Client().get("/there/", headers={"X-Client": address})
            self.assertEqual(guests_online(), 2)

    def test_no_address_of_a_guest_is_kept_anywhere(self) -> None:
        with online(GUESTS=True):
            Client().get("/there/", REMOTE_ADDR="192.0.2.77")
            self.assertEqual(guests_online(), 1)
            said = repr(list(Report.objects.values()))
            if uses_redis():
                client: Any = layout().server.redis.client  # type: ignore[attr-defined]
                said = repr([(key, client.hgetall(key)) for key in client.scan_iter() if client.type(key) == b"hash"])
            self.assertNotIn("192.0.2.77", said)

    def test_a_page_without_a_session_looks_at_none_so_that_caches_may_keep_it(self) -> None:
        response = Client().get("/there/")
        self.assertNotIn("Vary", response.headers)

    def test_who_logs_out_is_not_reported_by_that_request(self) -> None:
        self.client_of(self.ada).get("/leave/")
        self.assertEqual(get_users_online(), set())
