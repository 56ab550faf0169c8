"""Receivers of a project that change the very rows whose change they are told of."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import ModelSignal, post_delete, post_save, pre_delete, pre_save

from notifications_counter.controller import NotificationController
from notifications_counter.exceptions import CountingConflict
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, counter, notify


@contextmanager
def receiving(signal: ModelSignal, receiver: Callable[..., Any], first: bool) -> Iterator[None]:
    """Connect a receiver before or after the package's own."""
    signal.connect(receiver, sender=Notification, weak=False)
    if first:
        signal.receivers.insert(0, signal.receivers.pop())
    signal.sender_receivers_cache.clear()
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=Notification)


def save_read(instance: Notification, created: bool, **kwargs: Any) -> None:
    if created:
        instance.has_read = True
        instance.save()


def save_text(instance: Notification, created: bool, **kwargs: Any) -> None:
    if created:
        instance.text = "again"
        instance.save()


def mark(instance: Notification, **kwargs: Any) -> None:
    if instance.pk:
        NotificationController(instance.user_id).mark_as_read(instance.pk)


def delete(instance: Notification, **kwargs: Any) -> None:
    Notification.objects.filter(pk=instance.pk).delete()


def copy(instance: Notification, **kwargs: Any) -> None:
    if instance.text != "copy":
        Notification.objects.create(user=instance.user, text="copy")


def change_memory(instance: Notification, **kwargs: Any) -> None:
    instance.has_read = True


def delete_children(instance: Notification, **kwargs: Any) -> None:
    if instance.text == "number 0":
        for row in Notification.objects.filter(user=instance.user_id).exclude(pk=instance.pk):
            row.delete()


class Undo(Exception):
    pass


def try_and_undo(instance: Notification, **kwargs: Any) -> None:
    """Change the row in a savepoint, and roll that back."""
    with suppress(Undo), transaction.atomic():
        Notification.objects.filter(pk=instance.pk).update(has_read=True)
        raise Undo


def save_and_undo(instance: Notification, **kwargs: Any) -> None:
    if instance.text != "undone":
        with suppress(Undo), transaction.atomic():
            row = Notification(pk=instance.pk, user_id=instance.user_id, text="undone", has_read=True)
            row.save()
            raise Undo


def become_new(instance: Notification, **kwargs: Any) -> None:
    """Keep each version: what is saved is a new row."""
    instance.pk = None
    instance._state.adding = True


def become_first(instance: Notification, **kwargs: Any) -> None:
    """Save over another row, whichever was there first."""
    first = Notification.objects.filter(user=instance.user_id).order_by("pk").first()
    instance.pk = first and first.pk


def fail(**kwargs: Any) -> None:
    raise ZeroDivisionError


async def fail_async(**kwargs: Any) -> None:
    raise ZeroDivisionError


async def fail_async_too(**kwargs: Any) -> None:
    raise ZeroDivisionError


class ReceiverTest(CounterTestCase):
    numbers = itertools.count()

    def each(self, signal: ModelSignal, receiver: Any, act: Callable[[User], None]) -> None:
        for first in (True, False):
            with self.subTest(receiver=receiver.__name__, first=first), receiving(signal, receiver, first):
                user = User.objects.create(username=f"user{next(self.numbers)}")
                kept = User(pk=user.pk)
                act(user)
                self.assert_exact([kept])

    def test_receivers_of_post_save_are_counted_by_themselves(self) -> None:
        for receiver in (save_read, save_text, mark, delete, copy, change_memory):
            self.each(post_save, receiver, lambda user: notify(user) and None)

    def test_receivers_of_pre_save_are_counted_by_themselves(self) -> None:
        def save_again(user: User) -> None:
            (row,) = notify(user)
            row.save()

        for receiver in (mark, change_memory, copy):
            self.each(pre_save, receiver, save_again)

    def test_receivers_of_pre_save_may_make_it_the_save_of_another_row(self) -> None:
        def save_some(user: User) -> None:
            (row,) = Notification.objects.bulk_create([Notification(user=user, text="bulk")])
            row.save()
            Notification(user=user, text="over another", has_read=True).save()
            row.has_read = not row.has_read
            row.save()

        for receiver in (become_new, become_first):
            self.each(pre_save, receiver, save_some)
        self.assertEqual(Notification.objects.count(), 2 * 4 + 2 * 1)

    def test_receivers_of_deletes_are_counted_by_themselves(self) -> None:
        def delete_one(user: User) -> None:
            notify(user)[0].delete()

        def delete_many(user: User) -> None:
            notify(user, 3)
            Notification.objects.filter(user=user).delete()

        def delete_owner(user: User) -> None:
            notify(user, 3)
            user.delete()

        for act in (delete_one, delete_many, delete_owner):
            for signal in (pre_delete, post_delete):
                self.each(signal, mark, act)
                self.each(signal, delete_children, act)

    def test_a_change_that_a_receiver_rolls_back_is_counted_as_none(self) -> None:
        def save_twice(user: User) -> None:
            (row,) = notify(user)
            row.save()
            row.has_read = True
            row.save()
            row.has_read = False
            row.save()

        def delete_one(user: User) -> None:
            notify(user, 2)[0].delete()

        def delete_many(user: User) -> None:
            notify(user, 3)
            Notification.objects.filter(user=user).delete()

        for receiver in (try_and_undo, save_and_undo):
            for signal in (pre_save, post_save):
                self.each(signal, receiver, save_twice)
            for signal in (pre_delete, post_delete):
                for act in (delete_one, delete_many):
                    self.each(signal, receiver, act)

    def test_a_receiver_that_fails_after_the_write_leaves_the_row_and_its_count(self) -> None:
        (user,) = self.make_users(1)
        for first in (True, False):
            with self.assertRaises(ZeroDivisionError), receiving(post_save, fail, first=first):
                notify(user)
        self.assertEqual(Notification.objects.count(), 2)
        self.assert_exact([user])

    def test_async_receivers_that_fail_leave_the_row_and_its_count(self) -> None:
        """One failure comes as it is, of several Django (from 6.1 on) makes a group."""
        (user,) = self.make_users(1)
        for several in (False, True):
            with ExitStack() as stack:
                stack.enter_context(self.assertRaises((ZeroDivisionError, ExceptionGroup)))
                for receiver in (fail_async, fail_async_too)[: 1 + several]:
                    stack.enter_context(receiving(post_save, receiver, first=False))
                notify(user)
        self.assertEqual(Notification.objects.count(), 2)
        self.assert_exact([user])

    def test_nothing_of_a_failed_save_or_delete_is_counted_later(self) -> None:
        (user,) = self.make_users(1)
        (row,) = notify(user)
        with self.assertRaises(IntegrityError):
            row.save(force_insert=True)
        with self.assertRaises(ZeroDivisionError), receiving(pre_delete, fail, first=False):
            row.delete()
        mark(row)
        row.save(update_fields=["text"])
        self.assertEqual(counter.value(user), 0)

    def test_a_receiver_that_fails_in_a_block_breaks_no_more_than_without_a_counter(self) -> None:
        (user,) = self.make_users(1)
        with transaction.atomic():
            with self.assertRaises(ZeroDivisionError), receiving(pre_save, fail, first=True):
                notify(user)
            notify(user)
        self.assertEqual(counter.value(user), 1)

    def test_deleting_the_same_key_on_another_database_counts_there(self) -> None:
        (user,) = self.make_users(1)
        (row,) = notify(user)
        twin = User.objects.using("other").create(pk=user.pk, username="twin")
        Notification.objects.using("other").create(pk=row.pk, user_id=twin.pk, text="twin")

        def delete_twin(instance: Notification, using: str, **kwargs: Any) -> None:
            if using == "default":
                Notification.objects.using("other").get(pk=instance.pk).delete()

        with receiving(post_delete, delete_twin, first=False):
            Notification.objects.all().delete()
        self.assertEqual((counter.value(user), counter.value(user.pk, using="other")), (0, 0))

    databases = {"default", "other"}


class RowAgainTest(CounterTestCase):
    """Another program deletes the row that is saved, and has created it again by the time of the write."""

    def setUp(self) -> None:
        super().setUp()
        if connection.vendor == "sqlite":
            self.skipTest("SQLite has one writer at a time")
        self.users = self.make_users(2)
        (self.row,) = notify(self.users[0])
        counter.flush()
        Notification.objects.filter(pk=self.row.pk).delete()

    def create_again(self, **kwargs: Any) -> None:
        if not Notification.objects.filter(pk=self.row.pk).exists():
            with ThreadPoolExecutor(1) as thread:
                thread.submit(self._create).result(20)

    def _create(self) -> None:
        try:
            Notification.objects.bulk_create([Notification(pk=self.row.pk, user=self.users[1], text="again")])
        finally:
            connection.close()

    def test_it_is_counted_for_whom_it_was_created_and_is_saved_for(self) -> None:
        with receiving(pre_save, self.create_again, first=False):
            self.row.save()
        self.assert_exact(self.users)
        self.assertEqual(counter.values(self.users), dict(zip(self.users, (1, 0), strict=True)))

    def test_in_a_transaction_it_is_refused_and_nothing_of_the_transaction_stays(self) -> None:
        with receiving(pre_save, self.create_again, first=False), transaction.atomic():
            Notification.objects.bulk_create([Notification(user=self.users[0], text="undone")])
            with self.assertRaisesMessage(CountingConflict, "deleted, and created again"):
                self.row.save()
        self.assert_exact(self.users)
        self.assertEqual(counter.values(self.users), dict(zip(self.users, (0, 1), strict=True)))
