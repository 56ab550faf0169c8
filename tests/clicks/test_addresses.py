"""Addresses: equal to what browsers make of them, and what the settings make one."""

from django.test import Client, SimpleTestCase
from django.urls import reverse

from notifications_counter.contrib.clicks.addresses import normalise, parse
from notifications_counter.contrib.clicks.conf import LONGEST
from notifications_counter.contrib.clicks.models import Click, ClickDay
from notifications_counter.contrib.clicks.targets import sign
from notifications_counter.exceptions import InvalidClick
from tests.support.base import CounterTestCase
from tests.support.walks import SEED

from .attacks import ALLOWED, attacks
from .test_recording import PERSON, flush
from .test_redirect import settings_with
from .vectors import VECTORS


def is_web(vector: dict[str, str]) -> bool:
    """Whether an address of the standard's vectors is one that can be counted."""
    href = vector.get("href", "")
    has_user = "@" in href.split("?")[0].split("#")[0].split("/", 3)[2] if href.count("/") > 2 else False
    return href.startswith(("http:", "https:")) and not has_user


class WhatwgTests(SimpleTestCase):
    def test_web_addresses_are_as_the_standard_writes_them(self) -> None:
        vectors = [one for one in VECTORS if is_web(one)]
        self.assertGreater(len(vectors), 100)
        for one in vectors:
            with self.subTest(one["input"]):
                self.assertEqual(parse(one["input"]).target, one["href"])

    def test_all_others_are_refused(self) -> None:
        for one in VECTORS:
            if not is_web(one):
                with self.subTest(one["input"]), self.assertRaises(InvalidClick):
                    parse(one["input"])

    def test_normalising_twice_changes_nothing(self) -> None:
        for one in VECTORS:
            if is_web(one):
                with self.subTest(one["input"]):
                    self.assertEqual(normalise(normalise(one["input"])), normalise(one["input"]))

    def test_what_is_equal_is_one(self) -> None:
        for url, expected in [
            ("HTTPS://Example.COM:443", "https://example.com/"),
            ("http://example.com:80/a/../b/./c", "http://example.com/b/c"),
            ("https://münchen.example/ü?q=ü", "https://xn--mnchen-3ya.example/%C3%BC?q=%C3%BC"),
            ("https://0x7f.1/", "https://127.0.0.1/"),
            ("https://[0:0::1]:443/", "https://[::1]/"),
            ("  https://example.com/\t\n", "https://example.com/"),
        ]:
            with self.subTest(url):
                self.assertEqual(normalise(url), expected)

    def test_where_libraries_of_this_standard_differ_the_installed_one_is_as_it_was(self) -> None:
        """Another version that differs here needs ``notification_check_urls``, and a word in the changelog."""
        self.assertEqual(normalise("https://example.com/a^b?c^d|e"), "https://example.com/a%5Eb?c^d|e")
        self.assertEqual(normalise("https://xn--a.example/"), "https://xn--a.example/")

    def test_what_cannot_be_text_is_refused(self) -> None:
        for url in ["\ud800", "https://example.com/\ud800", None, 5, b"https://example.com/"]:
            with self.subTest(repr(url)), self.assertRaises(InvalidClick):
                normalise(url)  # type: ignore[arg-type]


class OptionTests(SimpleTestCase):
    def test_nothing_is_ignored_unless_it_is_asked_for(self) -> None:
        url = "https://example.com/?b=2&a=1&utm_source=x#part"
        self.assertEqual(normalise(url), url)

    def test_the_order_of_parameters_can_be_ignored(self) -> None:
        with settings_with(SORT_QUERY=True):
            self.assertEqual(normalise("https://example.com/?b=2&a=2&a=1"), "https://example.com/?a=2&a=1&b=2")

    def test_the_fragment_can_be_ignored(self) -> None:
        with settings_with(IGNORE_FRAGMENT=True):
            self.assertEqual(normalise("https://example.com/a?b#part"), "https://example.com/a?b")

    def test_parameters_can_be_ignored(self) -> None:
        with settings_with(IGNORE_PARAMETERS=["utm_*", "gclid"]):
            for url, expected in [
                ("https://example.com/?utm_source=x&a=1&gclid=5&utm", "https://example.com/?a=1&utm"),
                ("https://example.com/?utm_medium=mail", "https://example.com/"),
                ("https://example.com/?a=1&&b", "https://example.com/?a=1&&b"),
            ]:
                with self.subTest(url):
                    self.assertEqual(normalise(url), expected)

    def test_what_is_ignored_is_led_to_nevertheless(self) -> None:
        with settings_with(IGNORE_PARAMETERS=["utm_*"], IGNORE_FRAGMENT=True):
            url = "https://example.com/?a=1&utm_source=x#part"
            self.assertEqual((parse(url).target, parse(url).key), (url, "https://example.com/?a=1"))

    def test_the_length_is_limited(self) -> None:
        with settings_with(MAX_LENGTH=30):
            self.assertEqual(len(normalise("https://example.com/1234567890")), 30)
            for url in ["https://example.com/12345678901", "https://example.com/123456789,"]:
                with self.subTest(url), self.assertRaisesMessage(InvalidClick, "allows 30 characters"):
                    normalise(url)


class LongestTests(CounterTestCase):
    def test_the_longest_address_is_counted_by_both_models(self) -> None:
        for filler in ("a", ",", "!"):
            begin = f"https://example.com/{filler}?"
            room = (LONGEST - len(begin) - (filler != "a")) // (1 if filler == "a" else 2)
            url = begin + filler * room
            with self.subTest(filler):
                self.assertEqual(Click.objects.increment_clicks(url), 1)
                with self.assertRaises(InvalidClick):
                    normalise(url + filler)
        flush()
        self.assertEqual(Click.objects.count(), 3)
        self.assertEqual(ClickDay.objects.count(), 3)


class AttackTests(CounterTestCase):
    def test_no_generated_address_leaves_the_allowed_hosts(self) -> None:
        client, led = Client(headers={"User-Agent": PERSON}), 0
        with settings_with(ALLOWED_HOSTS=[ALLOWED]):
            for url in attacks(1000, SEED):
                answer = client.get(reverse("clicks:count"), {"u": url})
                with self.subTest(url=url, seed=SEED):
                    self.assertIn(answer.status_code, (302, 400))
                    if answer.status_code == 302:
                        led += 1
                        self.assertRegex(answer["Location"], rf"^https?://{ALLOWED}[/?#]")
        # Those that do name the allowed host are opened: the others are refused for what they are.
        self.assertGreater(led, 5)

    def test_no_generated_address_passes_by_the_signature_of_another(self) -> None:
        client = Client(headers={"User-Agent": PERSON})
        signature = sign(signed := f"https://{ALLOWED}/").partition(":")[0]
        for url in attacks(200, SEED):
            if url == signed:  # a walk may well generate the one address that the signature is of
                continue
            with self.subTest(url=url, seed=SEED):
                answer = client.get(reverse("clicks:count"), {"u": f"{signature}:{url}"})
                self.assertEqual(answer.status_code, 400)
