"""The controller, and bad input."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from notifications_counter.controller import NotificationController
from notifications_counter.counters import get_counter
from notifications_counter.exceptions import CounterError, FlushInTransaction, InvalidDelta, InvalidKey
from notifications_counter.models import Notification, UserNotificationsCount
from tests.support.base import CounterTestCase, counter, notify
from tests.testapp.models import Click


class ControllerTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)
        self.inbox = NotificationController(self.user)

    def test_the_first_to_mark_is_told_so_and_nobody_after(self) -> None:
        (row,) = notify(self.user)
        self.assertEqual([self.inbox.mark_as_read(row.pk) for _ in range(3)], [True, False, False])
        self.assertEqual(self.inbox.unread_count(), 0)

    def test_marking_touches_no_notification_of_another_user(self) -> None:
        (row,) = notify(self.other)
        self.assertFalse(self.inbox.mark_as_read(row.pk))
        self.assertEqual(self.inbox.mark_all_as_read(), 0)
        self.assertFalse(Notification.objects.get(pk=row.pk).has_read)
        self.assertEqual(NotificationController(self.other.pk).unread_count(), 1)

    def test_marking_what_does_not_exist_does_nothing(self) -> None:
        self.assertFalse(self.inbox.mark_as_read(10**9))

    def test_marking_all_says_how_many(self) -> None:
        notify(self.user, 4)
        notify(self.user, has_read=True)
        self.assertEqual((self.inbox.mark_all_as_read(), self.inbox.mark_all_as_read()), (4, 0))
        self.assertEqual(self.inbox.unread_count(), 0)

    def test_the_low_level_call_changes_the_count_in_the_callers_transaction(self) -> None:
        self.inbox.update_unread_count(+2)
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            self.inbox.update_unread_count(-1)
            self.assertEqual(self.inbox.unread_count(), 1)
            raise ZeroDivisionError
        self.assertEqual(self.inbox.unread_count(), 2)

    def test_a_user_may_be_given_as_text_or_key_or_instance(self) -> None:
        notify(self.user, 2)
        for user in (self.user, self.user.pk, str(self.user.pk)):
            self.assertEqual(NotificationController(user).unread_count(), 2)


class BadInputTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)

    def test_a_delta_that_is_no_integer_is_refused_and_changes_nothing(self) -> None:
        for delta in ("1", 1.0, None, True, 2**53):
            with self.assertRaisesMessage(InvalidDelta, repr(delta)):
                counter.add({self.user: 1, self.user.pk: delta})
            with self.assertRaises(InvalidDelta):
                NotificationController(self.user).update_unread_count(delta)  # type: ignore[arg-type]
        self.assertEqual(counter.value(self.user), 0)

    def test_a_key_that_cannot_be_one_is_refused_by_name(self) -> None:
        keys: tuple[Any, ...] = ("abc", None, 1.5, True, 2**70, object())
        for key in keys:
            for call in (counter.value, NotificationController, lambda key: counter.add({self.user: 1, key: 1})):
                with self.assertRaisesMessage(InvalidKey, repr(key)):
                    call(key)
        self.assertEqual(counter.value(self.user), 0)

    def test_a_key_that_is_too_long_to_wait_is_refused(self) -> None:
        for url in ("x" * 201, "x" * 501):
            with self.assertRaises(InvalidKey):
                Click.counter.add({"https://example.com/": 1, url: 1})
        self.assertEqual(Click.counter.value("https://example.com/"), 0)

    def test_a_notification_id_that_cannot_be_one_is_refused_by_name(self) -> None:
        (unread,) = notify(self.user)
        for pk in ("abc", object(), True, float(unread.pk)):
            with self.assertRaisesMessage(InvalidKey, repr(pk)):
                NotificationController(self.user).mark_as_read(pk)
        self.assertEqual(counter.value(self.user), 1)

    def test_a_user_that_does_not_exist_counts_nothing_and_gets_no_row(self) -> None:
        NotificationController(10**6).update_unread_count(+1)
        self.assertTrue(counter.flush().ok)
        self.assertFalse(UserNotificationsCount.objects.exists())
        self.assertEqual(counter.value(10**6), 0)

    def test_a_flush_inside_a_transaction_is_refused(self) -> None:
        notify(self.user)
        with self.assertRaises(FlushInTransaction), transaction.atomic():
            counter.flush()
        counter.flush()
        self.assertEqual(self.stored(self.user), 1)

    def test_an_unknown_counter_is_named_with_a_near_one(self) -> None:
        with self.assertRaisesMessage(CounterError, "UserNotificationsCount.counter"):
            get_counter("notifications_counter.UserNotificationCounts")
