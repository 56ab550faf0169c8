"""Views: values over HTTP and in Python, and waiting for what one has emitted."""

from __future__ import annotations

import threading
from typing import Any

from django.db import connections
from django.test import Client, override_settings
from django.urls import include, path

from notifications_counter.contrib.streams import Emitter, View, codecs
from notifications_counter.contrib.streams.running import Runner
from notifications_counter.exceptions import InvalidSettings

from .base import TOPIC, StreamsTestCase
from .models import HourClicks, LastPage, Profile, UserClicks

urlpatterns: list[Any] = [
    path("clicks/", include(View(UserClicks, codecs.Field("Clicks"), wait_seconds=0.3).urls)),
    path("strict/", include(View(UserClicks, missing_is_404=True).urls)),
    path("profiles/", include(View(Profile).urls)),
    path("pages/", include(View(LastPage, str).urls)),
]


@override_settings(ROOT_URLCONF="tests.streams.test_view")
class ViewTests(StreamsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client = Client()
        self.counting = self.processor(table=UserClicks)
        UserClicks.objects.create(user="user-3", clicks=153)

    def test_a_key_has_its_value_as_compact_json(self) -> None:
        response = self.client.get("/clicks/user-3")
        self.assertEqual((response.status_code, response.content), (200, b'{"Clicks":153}'))
        self.assertEqual(response["Content-Type"], "application/json")
        self.assertEqual(View(UserClicks, codecs.Field("Clicks")).get("user-3"), 153)
        self.assertEqual(View(self.counting).get("user-3"), 153)

    def test_an_unknown_key_is_null_or_404_by_option(self) -> None:
        response = self.client.get("/clicks/nobody")
        self.assertEqual((response.status_code, response.content), (200, b"null"))
        self.assertEqual(self.client.get("/strict/nobody").status_code, 404)
        self.assertIsNone(View(UserClicks).get("nobody"))

    def test_any_text_can_be_a_key(self) -> None:
        for key in ("with/slash", "käthe & co", "50%", "ⓤ"):
            UserClicks.objects.create(user=key, clicks=7)
            self.assertEqual(self.client.get(f"/strict/{key.replace('%', '%25')}").content, b"7", key)

    def test_other_tables_have_values_of_their_own(self) -> None:
        Profile.objects.create(user="ada", name="Ada", seen=3)
        LastPage.objects.create(user="ada", page="/<b>")
        self.assertEqual(self.client.get("/profiles/ada").json(), {"name": "Ada", "seen": 3})
        response = self.client.get("/pages/ada")
        self.assertEqual((response.content, response["Content-Type"]), (b"/<b>", "text/plain; charset=utf-8"))
        self.assertEqual(response["X-Content-Type-Options"], "nosniff")
        with self.assertRaisesMessage(InvalidSettings, "composite"):
            View(HourClicks)

    def test_lists_come_by_prefix_and_page(self) -> None:
        UserClicks.objects.bulk_create(UserClicks(user=f"User-{number}", clicks=number) for number in range(5))
        first = self.client.get("/clicks/", {"prefix": "User-", "limit": 3}).json()
        self.assertEqual(first["values"], {f"User-{number}": {"Clicks": number} for number in range(3)})
        rest = self.client.get("/clicks/", {"prefix": "User-", "limit": 3, "after": first["next"]}).json()
        self.assertEqual(rest, {"values": {"User-3": {"Clicks": 3}, "User-4": {"Clicks": 4}}, "next": None})
        self.assertEqual(self.client.get("/clicks/", {"prefix": "user-"}).json()["values"], {"user-3": {"Clicks": 153}})
        self.assertEqual(self.client.get("/clicks/", {"limit": "0"}).status_code, 400)

    def test_an_etag_saves_an_answer_that_has_not_changed(self) -> None:
        etag = self.client.get("/clicks/user-3")["ETag"]
        self.assertEqual(self.client.get("/clicks/user-3", headers={"if-none-match": etag}).status_code, 304)
        UserClicks.objects.update(clicks=154)
        self.assertEqual(self.client.get("/clicks/user-3", headers={"if-none-match": etag}).status_code, 200)

    def test_nothing_can_be_written(self) -> None:
        for url in ("/clicks/user-3", "/clicks/", "/clicks/-/ready"):
            self.assertEqual(self.client.post(url).status_code, 405)

    def test_it_waits_until_an_offset_has_been_applied(self) -> None:
        self.run_once(self.counting)
        offset = Emitter(TOPIC).emit_sync("user-3", "/").offset
        self.assertEqual(self.client.get(f"/clicks/user-3?wait={offset}").status_code, 504)

        def process() -> None:
            self.run_once(self.counting)
            connections.close_all()

        thread = threading.Timer(0.3, process)
        thread.start()
        self.assertTrue(View(UserClicks).wait("user-3", offset, timeout=30))
        thread.join()
        for more in ({"query": f"?wait={offset}"}, {"query": f"?wait={TOPIC}:{offset}"}, {"header": str(offset)}):
            headers = {"wait-offset": more["header"]} if "header" in more else {}
            response = self.client.get(f"/clicks/user-3{more.get('query', '')}", headers=headers)
            self.assertEqual(response.content, b'{"Clicks":154}')
        for nonsense in ("x", "-1", "elsewhere:0", "9" * 30):
            self.assertEqual(self.client.get(f"/clicks/user-3?wait={nonsense}").status_code, 400, nonsense)

    def test_it_is_ready_while_each_partition_is_being_processed(self) -> None:
        self.assertEqual(self.client.get("/clicks/-/ready").status_code, 503)
        runner = Runner(self.counting)
        runner.begin()
        runner.rebalance(now=True)
        self.assertEqual(self.client.get("/clicks/-/ready").json(), {"ready": True, "without": []})
        runner.end()
        response = self.client.get("/clicks/-/ready")
        self.assertEqual((response.status_code, response.json()["without"][0]), (503, f"{TOPIC}/0"))

    def test_it_says_the_lag_and_whether_it_is_too_long(self) -> None:
        self.run_once(self.counting)
        for _ in range(3):
            Emitter(TOPIC).emit_sync("user-3", "/")
        self.assertEqual(self.client.get("/clicks/-/lag?max=3").json()["lag"], 3)
        self.assertEqual(self.client.get("/clicks/-/lag?max=2").status_code, 503)
        self.run_once(self.counting)
        self.assertEqual(self.client.get("/clicks/-/lag?max=0").json()["lag"], 0)
        self.assertEqual(self.client.get("/clicks/-/lag?max=x").status_code, 400)
