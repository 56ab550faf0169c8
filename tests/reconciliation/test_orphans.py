"""Rows of 0 for owners that were deleted during their first flush."""

from __future__ import annotations

import threading
import unittest
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import pre_delete
from django.test import override_settings

from notifications_counter.models import UserNotificationsCount
from tests.shop.models import Page, PagesByReader
from tests.support.base import CounterTestCase, counter, notify

pages = PagesByReader.counter

GONE = 10**6


class OrphanTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(2)
        for user in self.users:
            notify(user)
        counter.flush()
        for place in range(3):
            UserNotificationsCount.objects.create(pk=GONE + place)
        notify(self.users[0])

    def assert_none_left(self) -> None:
        self.assertEqual({row.pk for row in UserNotificationsCount.objects.all()}, {user.pk for user in self.users})
        self.assert_exact(self.users)

    def test_a_recount_of_all_keys_deletes_them(self) -> None:
        call_command("notification_recount", counter=[counter.label], verbosity=0)
        self.assert_none_left()

    def test_the_audit_deletes_them_at_the_end_of_its_round(self) -> None:
        audited = {**settings.NOTIFICATIONS_COUNTER, "AUDIT_INTERVAL": 0.001}
        with override_settings(NOTIFICATIONS_COUNTER=audited):
            counter.flush()
        self.assert_none_left()

    def test_a_row_of_0_of_an_owner_that_is_there_stays(self) -> None:
        user = User.objects.create(username="quiet")
        UserNotificationsCount.objects.create(pk=user.pk)
        call_command("notification_recount", counter=[counter.label], verbosity=0)
        self.assertTrue(UserNotificationsCount.objects.filter(pk=user.pk).exists())


class GoneOwnerTest(CounterTestCase):
    """Of rows of the source that stay when their owner is deleted: ``DO_NOTHING`` without a constraint."""

    def setUp(self) -> None:
        super().setUp()
        self.gone, self.there = self.make_users(2)
        self.pk = self.gone.pk
        for user in (self.gone, self.gone, self.there):
            Page.objects.create(address="/", reader=user)
        pages.flush()
        self.gone.delete()
        pages.flush()

    def test_the_audit_calls_no_count_wrong_and_the_check_neither(self) -> None:
        audited = {**settings.NOTIFICATIONS_COUNTER, "AUDIT_INTERVAL": 0.001}
        with override_settings(NOTIFICATIONS_COUNTER=audited), self.assertNoLogs("notifications_counter"):
            for _ in range(3):
                self.assertEqual((pages.flush().audited, PagesByReader.objects.get().pk), (1, self.there.pk))
        for check in (False, True):
            call_command("notification_recount", counter=[pages.label], check=check, verbosity=0)

    def test_an_owner_who_comes_back_is_found_by_the_audit(self) -> None:
        again = User.objects.create(pk=self.pk, username="again")
        audited = {**settings.NOTIFICATIONS_COUNTER, "AUDIT_INTERVAL": 0.001}
        with override_settings(NOTIFICATIONS_COUNTER=audited), self.assertLogs("notifications_counter"):
            pages.flush()
        self.assertEqual(pages.values([again, self.there]), {again: 2, self.there: 1})


@unittest.skipUnless(connection.vendor == "postgresql", "needs a flush beside an open deletion")
class DeletedMeanwhileTest(CounterTestCase):
    def test_an_account_deleted_during_its_first_flush_leaves_no_row_for_long(self) -> None:
        (user,) = self.make_users(1)
        notify(user)

        def flush_now(**kwargs: Any) -> None:
            """When what belongs to the user has been collected, without a count."""
            thread = threading.Thread(target=self.flush)
            thread.start()
            thread.join()

        pre_delete.connect(flush_now, sender=User)
        try:
            with transaction.atomic():
                user.delete()
        finally:
            pre_delete.disconnect(flush_now, sender=User)
        counter.flush()
        call_command("notification_recount", counter=[counter.label], verbosity=0)
        self.assertEqual(UserNotificationsCount.objects.count(), 0)

    def flush(self) -> None:
        try:
            counter.flush()
        finally:
            connection.close()
