"""Recounts of counters whose keys have several parts."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from django.test import override_settings

from notifications_counter.ledger.tables import Delta, Progress
from notifications_counter.reconciliation.walk import SOURCE_KEYS, all_keys, next_keys, number_of_keys
from tests.capture.test_composite import COUNTERS, KINDS, CompositeTestCase, by_kind, by_thread, true_counts
from tests.shop.models import Message, MessagesByKind, MessagesByThread


class RecountTest(CompositeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.thread = uuid.uuid4()
        for kind in KINDS:
            for user in self.users:
                self.send(user, kind, thread=self.thread)
        for counter in COUNTERS:
            counter.flush()

    def spoil(self) -> None:
        """Behind the counters' backs."""
        models.QuerySet(MessagesByKind).filter(kind__in=["a", "a,b"]).update(unread=7)
        models.QuerySet(MessagesByThread).filter(kind="A").update(number=0)
        models.QuerySet(MessagesByKind).bulk_create([MessagesByKind(user=self.user, kind="none", unread=3)])
        for counter in COUNTERS:
            counter.buffer.clear_cache(counter.store())

    def test_keys_are_recounted(self) -> None:
        self.spoil()
        found = by_kind.recount([(self.user, "a"), (self.other, "A"), (self.user, "none")])
        self.assertEqual([one.difference for one in found], [-6, 0, -3])
        self.assertEqual(by_kind.value((self.user, "a")), 1)
        self.assertEqual(by_kind.value((self.user, "none")), 0)

    def test_the_command_finds_and_corrects_every_wrong_count(self) -> None:
        self.spoil()
        labels = {"counter": [by_kind.label, by_thread.label], "verbosity": 0}
        with self.assertRaisesMessage(CommandError, "7 counts are wrong"):
            call_command("notification_recount", check=True, **labels)
        call_command("notification_recount", **labels)
        self.assert_right()
        self.assert_stored_right()
        call_command("notification_recount", check=True, **labels)

    def test_a_walk_in_small_slices_meets_every_key_once(self) -> None:
        for counter in COUNTERS:
            keys = [key for part in all_keys(counter.store(), 3) for key in part]
            expected = {counter.key_text(key) for key in true_counts(counter)}
            self.assertEqual((len(keys), set(keys)), (len(expected), expected))
            self.assertEqual(number_of_keys(counter.store()), 2 * len(expected))

    def test_a_walk_goes_on_where_the_next_rows_are_deleted_under_it(self) -> None:
        first, second = sorted([self.user.pk, self.other.pk])

        def delete_once_the_end_of_a_slice_is_known(execute: Any, sql: str, *arguments: Any) -> Any:
            done = execute(sql, *arguments)
            if "OFFSET" in sql:
                models.QuerySet(Message).filter(user_id=first).order_by()._raw_delete(connection.alias)
            return done

        with connection.execute_wrapper(delete_once_the_end_of_a_slice_is_known):
            found = next_keys(by_kind.store(), SOURCE_KEYS, None, 3)
        self.assertEqual({by_kind.keys.split(key)[0] for key in found}, {str(second)})

    def test_the_audit_finds_what_was_changed_behind_its_back(self) -> None:
        self.spoil()
        changed = {**settings.NOTIFICATIONS_COUNTER, "AUDIT_INTERVAL": 1}
        with override_settings(NOTIFICATIONS_COUNTER=changed):
            for _ in range(20):
                by_kind.flush()
                by_thread.flush()
        self.assert_stored_right()

    def test_what_was_there_before_the_counter_is_counted_until_it_is_filled(self) -> None:
        Progress.objects.update(backfilled=False)
        self.spoil()
        Delta.objects.all().delete()
        self.assert_right()
        with transaction.atomic():
            self.send(self.user, "new")
            self.assert_right()
        for counter in COUNTERS:
            counter.flush()
        self.assert_right()
        self.assert_stored_right()

    def test_a_requested_recount_is_counted_from_the_rows_until_it_is_done(self) -> None:
        self.spoil()
        with transaction.atomic():
            by_kind.request_recount([(self.user, "a"), (self.user, "none")])
            found = by_kind.values_of(self.user)
            self.assertEqual((found["a"], found.get("none"), found["a,b"]), (1, None, 7))
        self.assertEqual(by_kind.value((self.user, "a")), 1)
