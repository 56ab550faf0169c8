"""PREFIX is a text, a function, or the dotted path of one."""

from __future__ import annotations

from typing import Any

from django.core.checks import run_checks
from django.test import SimpleTestCase

from notifications_counter.buffers import buffers
from notifications_counter.exceptions import InvalidSettings
from tests.support.base import default_buffer

REDIS = "notifications_counter.buffers.redis.RedisBuffer"

PLAIN = "text"


def of_this_site() -> str:
    return "made"


def with_braces() -> str:
    return "{a}"


def failing() -> str:
    raise LookupError("no site")


class PrefixTest(SimpleTestCase):
    def prefix(self, value: Any) -> str:
        with default_buffer(REDIS, {"URL": "redis://127.0.0.1:1/0", "PREFIX": value}):
            return buffers["default"].layout.prefix

    def test_a_text_stands_for_itself_with_dots_too(self) -> None:
        for value in ("nc", "shop.example.org", "nowhere.at_all"):
            self.assertEqual(self.prefix(value), value)

    def test_a_function_and_its_path_are_called(self) -> None:
        self.assertEqual(self.prefix(of_this_site), "made")
        self.assertEqual(self.prefix("tests.buffers.test_prefix.of_this_site"), "made")

    def test_whatever_cannot_be_a_prefix_is_refused_with_the_value(self) -> None:
        for value, said in (
            ("tests.buffers.test_prefix.missing", "'tests.buffers.test_prefix.missing' cannot be imported"),
            ("tests.buffers.test_prefix.PLAIN", "is no function, but 'text'"),
            (with_braces, "without braces, not '{a}'"),
            (failing, "LookupError('no site')"),
            (lambda: 5, "not 5"),
            ("", "not ''"),
            (7, "not 7"),
        ):
            with self.subTest(value=value):
                with self.assertRaisesMessage(InvalidSettings, said):
                    self.prefix(value)
                with default_buffer(REDIS, {"URL": "redis://127.0.0.1:1/0", "PREFIX": value}):
                    found = [message for message in run_checks() if message.id == "notifications_counter.E002"]
                self.assertIn(said, found[0].msg)
