"""The audit: what was changed behind the counter's back is found by flushes, a slice at a time."""

from __future__ import annotations

import unittest
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import override_settings

from notifications_counter.ledger.tables import Progress
from notifications_counter.models import Notification, UserNotificationsCount
from tests.support.base import CounterTestCase, behind_djangos_back, counter, notify, uses_redis
from tests.testapp.models import Click


def audit_within(seconds: float | None) -> Any:
    return override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "AUDIT_INTERVAL": seconds})


class AuditTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(5)
        for user in self.users:
            notify(user)
        counter.flush()

    def progress(self) -> Progress:
        return Progress.objects.get(counter=counter.label, shard=0)

    def days_later(self, days: float) -> None:
        row = self.progress()
        if row.audited_at:
            Progress.objects.filter(pk=row.pk).update(audited_at=row.audited_at - timedelta(days=days))

    def test_what_raw_sql_changed_is_corrected_and_said(self) -> None:
        behind_djangos_back(self.users[1], 3)
        with audit_within(0.001), self.assertLogs("notifications_counter", "WARNING") as logs:
            flushed = counter.flush()
        self.assertEqual((flushed.audited, flushed.drifted), (5, 1))
        self.assertIn(f"1 wrong count ({self.users[1].pk}: 1 instead of 4)", logs.output[0])
        self.assert_exact(self.users)
        self.assert_stored_exact(self.users)
        self.assertEqual((self.progress().drift_keys, self.progress().drift_amount), (1, 3))

    def test_rows_that_raw_sql_deleted_are_found_by_the_count_they_left(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {Notification._meta.db_table}")
        with audit_within(0.001), self.assertLogs("notifications_counter", "WARNING"):
            self.assertEqual(counter.flush().drifted, 5)
        self.assert_stored_exact(self.users)

    def test_a_count_that_somebody_changed_is_corrected(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {UserNotificationsCount._meta.db_table} SET unread_count = 9")
        with audit_within(0.001), self.assertLogs("notifications_counter", "WARNING"):
            counter.flush()
        self.assert_exact(self.users)
        self.assert_stored_exact(self.users)

    @unittest.skipUnless(uses_redis(), "deltas wait in Redis only with its buffer")
    def test_deltas_that_somebody_deleted_in_redis_are_found(self) -> None:
        buffer: Any = counter.buffer
        for user in self.users:
            notify(user)
        base = buffer.shards.base(counter.store(), 0)
        buffer.server.client.delete(f"{base}:pending", *(f"{base}:total:{user.pk}" for user in self.users))
        with audit_within(0.001), self.assertLogs("notifications_counter", "WARNING"):
            self.assertEqual(counter.flush().drifted, 5)
        self.assert_exact(self.users)
        self.assert_stored_exact(self.users)

    def test_each_flush_takes_its_part_and_within_the_time_all_had_their_turn(self) -> None:
        with audit_within(86_400):
            audited = [counter.flush().audited]
            for _ in range(5):
                self.days_later(0.19)
                audited.append(counter.flush().audited)
        self.assertEqual(audited, [1, 1, 1, 1, 1, 0])

    def test_a_flush_that_is_late_takes_more(self) -> None:
        with audit_within(86_400):
            self.assertEqual(counter.flush().audited, 1)
            self.days_later(0.5)
            self.assertEqual(counter.flush().audited, 3)

    def test_after_the_last_key_it_begins_anew(self) -> None:
        behind_djangos_back(self.users[0], 1)
        with audit_within(0.001), self.assertLogs("notifications_counter", "WARNING"):
            counter.flush()
        behind_djangos_back(self.users[0], 1)
        with audit_within(0.001), self.assertLogs("notifications_counter", "WARNING"):
            self.assertEqual(counter.flush().drifted, 1)
        self.assert_stored_exact(self.users)

    def test_what_waits_is_no_drift(self) -> None:
        with audit_within(0.001):
            for user in self.users:
                notify(user, 2)
            flushed = counter.flush()
        self.assertEqual((flushed.audited, flushed.drifted), (5, 0))

    def test_none_turns_it_off(self) -> None:
        behind_djangos_back(self.users[0], 1)
        with audit_within(None):
            self.assertEqual(counter.flush().audited, 0)
        self.assertEqual(counter.value(self.users[0]), 1)

    def test_events_are_not_audited(self) -> None:
        Click.counter.add({"https://example.com/": 2})
        with audit_within(0.001):
            self.assertEqual(Click.counter.flush().audited, 0)
        self.assertEqual(Click.counter.value("https://example.com/"), 2)
