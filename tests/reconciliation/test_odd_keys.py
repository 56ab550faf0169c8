"""Walks over keys that are the empty text, or as long as a key may be."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import models
from django.test import override_settings

from notifications_counter.ledger.tables import Progress
from tests.shop.models import Page, PagesByAddress
from tests.support.base import CounterTestCase

counter = PagesByAddress.counter

LONGEST = "é" * 500


class OddKeysTest(CounterTestCase):
    def spoil(self, *addresses: str) -> None:
        for address in addresses:
            Page.objects.create(address=address)
        counter.flush()
        models.QuerySet(PagesByAddress).update(number=7)
        counter.buffer.clear_cache(counter.store())

    def assert_stored(self, expected: dict[str, int]) -> None:
        counter.flush()
        self.assertEqual(dict(PagesByAddress.objects.values_list("address", "number")), expected)
        self.assertEqual(counter.values(list(expected)), expected)

    def flush_until_all_are_audited(self) -> None:
        changed: dict[str, Any] = {**settings.NOTIFICATIONS_COUNTER, "AUDIT_INTERVAL": 0.001}
        with override_settings(NOTIFICATIONS_COUNTER=changed), self.assertLogs("notifications_counter") as logs:
            for _ in range(3):
                self.assertEqual(counter.flush().error, "")
        self.assertEqual([line for line in logs.output if "the audit has found" not in line], [])

    def test_the_audit_gets_past_the_empty_text(self) -> None:
        self.spoil("", "a")
        self.flush_until_all_are_audited()
        self.assert_stored({"": 1, "a": 1})

    def test_the_audit_corrects_the_count_of_the_empty_text_without_rows(self) -> None:
        self.spoil("")
        models.QuerySet(Page).all()._raw_delete("default")
        self.flush_until_all_are_audited()
        self.assert_stored({"": 0})

    def test_the_command_recounts_and_checks_the_empty_text(self) -> None:
        self.spoil("", "a")
        with self.assertRaisesMessage(CommandError, "2 counts are wrong"):
            call_command("notification_recount", counter=[counter.label], check=True, verbosity=0)
        call_command("notification_recount", counter=[counter.label], verbosity=0)
        call_command("notification_recount", counter=[counter.label], check=True, verbosity=0)
        self.assert_stored({"": 1, "a": 1})

    def test_the_longest_keys_are_audited_and_recounted(self) -> None:
        self.spoil(LONGEST, "a")
        self.flush_until_all_are_audited()
        self.assert_stored({LONGEST: 1, "a": 1})
        Progress.objects.filter(counter=counter.label).update(backfilled=False)
        call_command("notification_recount", counter=[counter.label], verbosity=0)
        self.assert_stored({LONGEST: 1, "a": 1})
