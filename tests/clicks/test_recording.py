"""Recording clicks: counted by both models, people and programs side by side."""

from datetime import UTC, date, datetime

from django.db import transaction
from django.test import RequestFactory, override_settings

from notifications_counter.contrib.clicks import ClickEvent, record
from notifications_counter.contrib.clicks.models import Click, ClickDay, day_of
from notifications_counter.contrib.clicks.recording import count
from notifications_counter.exceptions import InvalidClick
from tests.support.base import CounterTestCase

URL = "https://example.com/"
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def flush() -> None:
    for counter in (Click.humans, Click.bots, ClickDay.humans, ClickDay.bots):
        counter.flush()


class RecordingTests(CounterTestCase):
    def test_a_click_is_counted_in_all_and_on_its_day(self) -> None:
        event = record("HTTPS://Example.com:443")
        self.assertEqual((event.url, event.is_bot), (URL, False))
        self.assertEqual(Click.humans.value(URL), 1)
        self.assertEqual(ClickDay.humans.value((URL, day_of(event.at))), 1)
        self.assertEqual(Click.bots.value(URL), 0)

    def test_what_is_counted_is_stored_by_a_flush(self) -> None:
        record(URL)
        record(URL, RequestFactory().get("/", headers={"User-Agent": CRAWLER}))
        record(URL, RequestFactory().get("/", headers={"User-Agent": PERSON}))
        flush()
        click, day = Click.objects.get(url=URL), ClickDay.objects.get(url=URL)
        self.assertEqual((click.click_count, click.bot_count), (2, 1))
        self.assertEqual((day.click_count, day.bot_count), (2, 1))

    def test_a_head_request_and_a_prefetch_are_no_click_of_a_person(self) -> None:
        factory = RequestFactory(headers={"User-Agent": PERSON})
        self.assertTrue(record(URL, factory.head("/")).is_bot)
        for name, value in [("Sec-Purpose", "prefetch;prerender"), ("Purpose", "prefetch"), ("X-Purpose", "preview")]:
            with self.subTest(name):
                self.assertTrue(record(URL, factory.get("/", headers={name: value})).is_bot)
        self.assertEqual((Click.humans.value(URL), Click.bots.value(URL)), (0, 4))

    def test_a_click_is_rolled_back_with_the_transaction(self) -> None:
        with transaction.atomic():
            record(URL)
            transaction.set_rollback(True)
        self.assertEqual(Click.humans.value(URL), 0)

    def test_increment_clicks_returns_the_count(self) -> None:
        self.assertEqual(Click.objects.increment_clicks(URL), 1)
        self.assertEqual(Click.objects.increment_clicks(for_url="https://EXAMPLE.com", increment_by=3), 4)
        flush()
        self.assertEqual(Click.objects.get(url=URL).click_count, 4)
        self.assertEqual(ClickDay.objects.get(url=URL).click_count, 4)

    def test_many_clicks_are_counted_at_once(self) -> None:
        noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
        other = "https://example.com/other,with!marks"
        count([ClickEvent(f"{n:032x}", url, n % 2 == 1, noon) for n in range(10) for url in (URL, other)])
        self.assertEqual(Click.humans.values([URL, other]), {URL: 5, other: 5})
        self.assertEqual(ClickDay.bots.values_of(other), {date(2026, 3, 1): 5})

    @override_settings(TIME_ZONE="Asia/Tokyo")
    def test_the_day_is_that_of_the_site(self) -> None:
        count([ClickEvent("0" * 32, URL, False, datetime(2026, 3, 1, 20, tzinfo=UTC))])
        self.assertEqual(ClickDay.humans.values_of(URL), {date(2026, 3, 2): 1})


class EventTests(CounterTestCase):
    def test_an_event_survives_being_a_message(self) -> None:
        event = ClickEvent("0" * 32, URL, True, datetime(2026, 3, 1, 12, tzinfo=UTC))
        self.assertEqual(ClickEvent.from_dict(event.as_dict()), event)

    def test_what_is_no_event_is_refused(self) -> None:
        good = ClickEvent("0" * 32, URL, True, datetime(2026, 3, 1, 12, tzinfo=UTC)).as_dict()
        for name, value in [
            ("id", "x"),
            ("id", 1),
            ("url", "javascript:alert(1)"),
            ("url", None),
            ("is_bot", "no"),
            ("at", "2026-03-01T12:00:00"),
            ("at", 5),
        ]:
            with self.subTest(name=name, value=value), self.assertRaises(InvalidClick):
                ClickEvent.from_dict({**good, name: value})
        with self.assertRaises(InvalidClick):
            ClickEvent.from_dict({})
