"""Keys come from outside: in logs, output and messages they stay on one line, and short."""

from __future__ import annotations

from io import StringIO

from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import SimpleTestCase, override_settings

from notifications_counter.exceptions import FlushFailed, InvalidDelta, InvalidKey, quoted
from notifications_counter.flushing.all_counters import flush_all, refuse_failures
from notifications_counter.ledger.tables import Delta
from tests.support.base import CounterTestCase, counter
from tests.testapp.models import Click, Parcel, PlaceParcels

FORGED = "x\nERROR root: all money is gone\x1b[2J\u2028"
ESCAPED = r"'x\nERROR root: all money is gone\x1b[2J\u2028'"


class QuotedTest(SimpleTestCase):
    def test_a_text_is_quoted_escaped_and_cut(self) -> None:
        self.assertEqual(quoted(FORGED), ESCAPED)
        self.assertEqual(quoted("x" * 10_000_000), f"'{'x' * 80}'... (10000000 characters)")

    def test_an_object_that_says_too_much_or_fails_is_cut_and_escaped(self) -> None:
        class Forger:
            def __repr__(self) -> str:
                return FORGED * 100

        class Failing:
            def __repr__(self) -> str:
                raise OSError

        self.assertEqual(quoted(Forger()), f"{(ESCAPED[1:-1] * 3)[:80]}...")
        self.assertEqual(quoted(Failing()), "a Failing")
        self.assertEqual(quoted(10**5000), "a int")


class MessageTest(CounterTestCase):
    def test_a_refused_key_is_named_shortly_and_on_one_line(self) -> None:
        for wrong in (FORGED * 100_000, [FORGED] * 1000, FORGED.encode() * 100_000, {FORGED: 1}):
            with self.assertRaises(InvalidKey) as caught:
                counter.value(wrong)
            self.assertLess(len(str(caught.exception)), 400)
            self.assertNotIn("\n", str(caught.exception))
        with self.assertRaises(InvalidDelta) as refused:
            Click.counter.add({"https://example.com/": FORGED * 1000})  # type: ignore[dict-item]
        self.assertLess(len(str(refused.exception)), 400)

    def test_a_recount_prints_a_key_on_one_line(self) -> None:
        Parcel.objects.create(place=FORGED, note="odd")
        PlaceParcels.everything.flush()
        PlaceParcels.objects.update(all=5)
        out, label = StringIO(), PlaceParcels.everything.label
        with self.assertRaises(CommandError):
            call_command("notification_recount", counter=[label], check=True, stdout=out)
        self.assertIn(f"{label}: key {ESCAPED}: stored", out.getvalue())
        self.assertEqual(len(out.getvalue().splitlines()), 2)

    def test_the_audit_logs_a_key_on_one_line(self) -> None:
        Parcel.objects.create(place=FORGED, note="odd")
        PlaceParcels.everything.flush()
        PlaceParcels.objects.update(all=7)
        audited = override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "AUDIT_INTERVAL": 60})
        with audited, self.assertLogs("notifications_counter", "WARNING") as logs:
            PlaceParcels.everything.flush()
            self.assertIn(rf"at rows:{ESCAPED[1:-1]}, ", self.status())
        (record,) = logs.records
        self.assertIn(f"({ESCAPED}: 7 instead of 1)", record.getMessage())
        self.assertNotIn("\n", record.getMessage())

    def status(self) -> str:
        out = StringIO()
        call_command("notification_counter_status", counter=[PlaceParcels.everything.label], stdout=out)
        return out.getvalue()

    def test_an_unusable_delta_is_logged_on_one_line(self) -> None:
        Delta.objects.create(counter=counter.label, key=FORGED, amount=1)
        with self.assertLogs("notifications_counter") as logs, self.assertRaises(FlushFailed) as caught:
            refuse_failures(flush_all([counter]))
        for said in (*(record.getMessage() for record in logs.records), str(caught.exception)):
            self.assertNotIn("\n", said)
            self.assertNotIn("\x1b", said)
