"""The address that counts a click and leads on: where it leads, where it does not, and who is counted."""

from html import unescape
from typing import Any
from unittest import skipIf

from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse

from notifications_counter.contrib.clicks.models import Click
from notifications_counter.contrib.clicks.targets import sign
from notifications_counter.ledger.tables import Delta
from tests.support.base import CounterTestCase, uses_redis

from .test_recording import CRAWLER, PERSON, URL, flush


def settings_with(**clicks: Any) -> Any:
    """Settings with some of clicks."""
    from django.conf import settings

    return override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "CLICKS": clicks})


def counted_url(url: str) -> str:
    return Template("{% load notifications_clicks %}{% counted_url url %}").render(Context({"url": url}))


class RedirectTests(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client = Client(headers={"User-Agent": PERSON})

    def assert_leads(self, answer: Any, url: str) -> None:
        self.assertEqual((answer.status_code, answer["Location"]), (302, url))
        self.assertEqual(answer["Cache-Control"], "no-store")

    def assert_refused(self, url: str) -> str:
        answer = self.client.get(reverse("clicks:count"), {"u": url})
        self.assertEqual(answer.status_code, 400, url)
        self.assertNotIn("Location", answer)
        self.assertEqual(answer["Cache-Control"], "no-store")
        return answer.content.decode()

    def test_a_link_made_by_the_tag_is_counted_and_leads_on(self) -> None:
        self.assert_leads(self.client.get(counted_url("https://Example.com")), URL)
        self.assertEqual((Click.humans.value(URL), Click.bots.value(URL)), (1, 0))

    def test_a_link_with_parameters_survives_html(self) -> None:
        url = "https://example.com/a?b=1&c=%26&d=x|y#e"
        self.assert_leads(self.client.get(unescape(counted_url(url))), url)
        self.assertNotIn("&", counted_url(url))

    def test_what_nobody_has_stored_or_signed_is_refused(self) -> None:
        page = self.assert_refused(URL)
        self.assertIn("This link is not opened", page)
        self.assertIn("NOTIFICATIONS_COUNTER[&#x27;CLICKS&#x27;][&#x27;ALLOWED_HOSTS&#x27;]", page)
        self.assertEqual(Click.humans.value(URL), 0)

    def test_a_signature_is_of_one_address(self) -> None:
        signature = sign(URL).partition(":")[0]
        self.assert_refused(f"{signature}:https://example.com/other")
        self.assert_refused(f"{signature[:-1]}:{URL}")
        with override_settings(SECRET_KEY="another"):
            self.assert_refused(sign(URL).replace(sign(URL)[:43], signature))

    def test_a_link_signed_with_a_former_key_leads_on(self) -> None:
        link = counted_url(URL)
        with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=["only for tests"]):
            self.assert_leads(self.client.get(link), URL)

    def test_what_is_stored_is_opened(self) -> None:
        Click.objects.increment_clicks(URL)
        flush()
        self.assert_leads(self.client.get(reverse("clicks:count"), {"u": "https://EXAMPLE.com"}), URL)
        self.assert_refused("https://example.com/other")

    def test_allowed_hosts_are_opened(self) -> None:
        allowed = ["example.com", ".example.org", "example.net:8443", "münchen.example", "[::1]"]
        with settings_with(ALLOWED_HOSTS=allowed):
            for url in [
                "https://example.com/", "http://example.com/a", "https://a.b.example.org/", "https://example.org/",
                "https://example.net:8443/", "https://xn--mnchen-3ya.example/", "http://[::1]/",
            ]:  # fmt: skip
                with self.subTest(url):
                    self.assert_leads(self.client.get(reverse("clicks:count"), {"u": url}), url)
            for url in [
                "https://a.example.com/", "https://example.com:8443/", "https://evilexample.org/", "https://example.net/",
                "https://example.com.evil.test/", "https://example.com@evil.test/", "//example.com/", "/admin/",
            ]:  # fmt: skip
                with self.subTest(url):
                    self.assert_refused(url)

    def test_a_link_with_a_broken_signature_leads_to_an_allowed_host(self) -> None:
        with settings_with(ALLOWED_HOSTS=["example.com"]):
            answer = self.client.get(reverse("clicks:count"), {"u": f"{'x' * 43}:{URL}"})
        self.assert_leads(answer, URL)

    def test_the_page_of_a_refused_link_escapes_what_it_shows(self) -> None:
        page = self.assert_refused("https://example.com/<script>alert(1)</script>")
        self.assertNotIn("<script>", page)
        self.assertNotIn("href", page)

    def test_what_is_no_link_is_said(self) -> None:
        self.assertIn("absolute address", self.assert_refused(""))
        self.assertIn("neither http nor https", self.assert_refused("javascript:alert(1)"))
        self.assertIn("name or password", self.assert_refused("https://ada:secret@example.com/"))
        self.assertIn("characters", self.assert_refused("https://example.com/" + "a" * 3000))

    def test_a_program_is_led_on_and_counted_beside_people(self) -> None:
        link = counted_url(URL)
        self.assert_leads(self.client.head(link), URL)
        self.assert_leads(self.client.get(link, headers={"User-Agent": CRAWLER}), URL)
        self.assertEqual((Click.humans.value(URL), Click.bots.value(URL)), (0, 2))

    def test_a_prefetch_is_put_off_and_not_counted(self) -> None:
        for name, value in [
            ("Sec-Purpose", "prefetch"), ("Sec-Purpose", "prefetch;prerender"), ("Purpose", "prefetch"),
            ("X-Moz", "prefetch"), ("Sec-Purpose", "prefetch;anonymous-client-ip"),
        ]:  # fmt: skip
            with self.subTest(name=name, value=value):
                answer = self.client.get(counted_url(URL), headers={name: value})
                self.assertEqual((answer.status_code, answer["Cache-Control"]), (503, "no-store"))
                self.assertNotIn("Location", answer)
        self.assertEqual((Click.humans.value(URL), Click.bots.value(URL)), (0, 0))

    def test_a_signed_click_takes_one_statement_or_none(self) -> None:
        link = counted_url(URL)
        self.client.get(link)  # the buffer gets to know its database
        with CaptureQueriesContext(connection) as captured:
            self.client.get(link)
        asked = [one["sql"] for one in captured if not one["sql"].startswith(("BEGIN", "COMMIT"))]
        self.assertEqual(len(asked), 0 if uses_redis() else 1, asked)
        self.assertEqual(Click.humans.value(URL), 2)

    @skipIf(uses_redis(), "with Redis a click asks no database")
    def test_who_clicks_gets_there_though_the_database_fails(self) -> None:
        link, table = counted_url(URL), connection.ops.quote_name(Delta._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} RENAME TO nc_away")
            try:
                with self.assertLogs("notifications_counter", "ERROR") as said:
                    self.assert_leads(self.client.get(link), URL)
            finally:
                cursor.execute(f"ALTER TABLE nc_away RENAME TO {table}")
        self.assertIn(f"A click on '{URL}' could not be counted", said.output[0])
        self.assert_leads(self.client.get(link), URL)
        self.assertEqual(Click.humans.value(URL), 1)

    def test_a_form_cannot_click(self) -> None:
        self.assertEqual(self.client.post(counted_url(URL)).status_code, 405)
        self.assertEqual(Click.humans.value(URL), 0)


class TagTests(CounterTestCase):
    def render(self, url: object) -> str:
        return Template("{% load notifications_clicks %}{% clicks_of url %}").render(Context({"url": url}))

    def test_the_clicks_of_a_link(self) -> None:
        self.assertEqual(self.render(URL), "0")
        Click.objects.increment_clicks(URL, 3)
        self.assertEqual(self.render("HTTPS://example.com:443/"), "3")
        self.assertEqual(self.render("no address"), "0")
        self.assertEqual(self.render(None), "0")

    def test_what_is_no_link_leads_to_the_page_that_says_so(self) -> None:
        for url in ["javascript:alert(1)", "", None, "/relative/"]:
            with self.subTest(url):
                self.assertEqual(self.client.get(unescape(counted_url(url))).status_code, 400)  # type: ignore[arg-type]
