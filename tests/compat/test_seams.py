"""The seams into undocumented Django: each has a contract, which breaks as soon as its seam is no longer called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection, models, transaction
from django.db.models import sql
from django.db.models.signals import post_save, pre_save
from django.test.utils import CaptureQueriesContext

from notifications_counter.buffers.handler import buffers
from notifications_counter.buffers.on_commit import announce_all
from notifications_counter.compat import transactions
from notifications_counter.models import Notification
from tests.shop.models import AlbumsWithoutCover, GroupMembers, Photo
from tests.support.base import CounterTestCase, counter, notify, true_count, uses_redis


def saves(user: User) -> None:
    (row,) = notify(user)
    row.has_read = True
    row.save()
    notify(user)


def saves_another(user: User) -> None:
    def become_new(instance: Notification, **kwargs: Any) -> None:
        instance.pk = None

    (row,) = notify(user)
    pre_save.connect(become_new, sender=Notification)
    try:
        row.save()
    finally:
        pre_save.disconnect(become_new, sender=Notification)


def updates(user: User) -> None:
    notify(user, 3)
    Notification.objects.update(has_read=True)


def bulk_creates(user: User) -> None:
    Notification.objects.bulk_create([Notification(user=user, text="bulk")])


def deletes_without_loading(user: User) -> None:
    notify(user, 3)
    Notification.objects.all()._raw_delete("default")


def deletes_of_instances(user: User) -> None:
    notify(user)[0].delete()


#: Seam -> its owner, its name there, and what is counted only by way of it.
SEAMS: dict[str, tuple[Any, str, Callable[[User], None]]] = {
    "Model.save_base": (models.Model, "save_base", saves),
    "Model._save_table": (models.Model, "_save_table", saves_another),
    "QuerySet.update": (models.QuerySet, "update", updates),
    "QuerySet.bulk_create": (models.QuerySet, "bulk_create", bulk_creates),
    "QuerySet._raw_delete": (models.QuerySet, "_raw_delete", deletes_without_loading),
    "DeleteQuery.delete_batch": (sql.DeleteQuery, "delete_batch", deletes_of_instances),
}


@contextmanager
def without(owner: Any, name: str) -> Iterator[None]:
    """Django as it is without a seam."""
    wrapped = getattr(owner, name)
    setattr(owner, name, wrapped.__wrapped__)
    try:
        yield
    finally:
        setattr(owner, name, wrapped)


class SeamTest(CounterTestCase):
    def count(self, act: Callable[[User], None]) -> tuple[int, int]:
        """What the counter says after an act, and what the rows say."""
        (user,) = self.make_users(1)
        try:
            act(user)
            return counter.value(user), true_count(user)
        finally:
            Notification.objects.all().delete()
            User.objects.all().delete()
            counter.flush()

    def test_each_seam_is_called(self) -> None:
        for seam, (_, _, act) in SEAMS.items():
            with self.subTest(seam=seam):
                counted, true = self.count(act)
                self.assertEqual(counted, true, f"Django no longer calls {seam} as it did: see docs/upgrading.")

    def test_each_contract_breaks_without_its_seam(self) -> None:
        for seam, (owner, name, act) in SEAMS.items():
            with self.subTest(seam=seam), without(owner, name):
                counted, true = self.count(act)
                self.assertNotEqual(counted, true, f"The contract of {seam} tests nothing.")

    def lose_cover(self) -> tuple[int, int]:
        """A row in memory that loses what it refers to: Django has loaded it, because it deletes the album as well."""
        (user,) = self.make_users(1)
        album = user.album_set.create()
        album.cover = Photo.objects.create(album=user.album_set.create())
        album.save()
        list(album.cover.album.photo_set.all())
        batch = sql.UpdateQuery(type(album))
        with transaction.atomic():
            batch.update_batch([album.pk], {"cover": None}, "default")
        counted, true = AlbumsWithoutCover.counter.value(user), user.album_set.filter(cover=None).count()
        user.delete()
        AlbumsWithoutCover.counter.flush()
        return counted, true

    def test_what_a_delete_sets_is_counted_by_update_batch_and_by_nothing_else(self) -> None:
        counted, true = self.lose_cover()
        self.assertEqual(counted, true, "Django no longer calls UpdateQuery.update_batch: see docs/upgrading.")
        with without(sql.UpdateQuery, "update_batch"):
            counted, true = self.lose_cover()
            self.assertNotEqual(counted, true)

    def test_our_receivers_are_called_before_those_of_a_project(self) -> None:
        seen: list[int] = []

        def show(instance: Notification, **kwargs: Any) -> None:
            seen.append(counter.value(instance.user_id))

        (user,) = self.make_users(1)
        post_save.connect(show, sender=Notification, weak=False)
        try:
            notify(user, 2)
            self.assertEqual(seen, [1, 2])
            for signal in (pre_save, post_save):
                first = next(entry for entry in signal.receivers if entry[0][1] == id(Notification))
                self.assertIn("notifications_counter", str(first[0][0]))
        finally:
            post_save.disconnect(show, sender=Notification)

    def test_django_replaces_its_list_of_hooks_at_each_rollback(self) -> None:
        with transaction.atomic():
            hooks = connection.run_on_commit
            with transaction.atomic():
                pass
            self.assertIs(connection.run_on_commit, hooks)
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                raise ZeroDivisionError
            self.assertIsNot(connection.run_on_commit, hooks)
            hooks = connection.run_on_commit
        self.assertIsNot(connection.run_on_commit, hooks)

    def intents_at_commit(self, user: User) -> int:
        """How many keys have an intent at the moment in which the database commits."""
        if not uses_redis():
            self.skipTest("the database buffer needs no word before the commit")
        client, commit, seen = buffers["default"].server.client, connection._commit, []  # type: ignore[attr-defined]

        def look() -> None:
            seen.append(sum(client.hlen(name) for name in client.scan_iter("*:intents")))
            commit()

        connection._commit = look
        try:
            with transaction.atomic():  # else the intent is sent ahead, without the commit's help
                notify(user)
        finally:
            del connection._commit
        return max(seen)

    def test_a_commit_tells_redis_what_will_follow(self) -> None:
        (user,) = self.make_users(1)
        notify(user)  # from the first delta on the connection's commit is wrapped
        self.assertEqual(self.intents_at_commit(user), 1, "Django no longer calls the connection's commit.")

    def test_whoever_wants_to_know_of_a_commit_is_told_once_and_redis_too(self) -> None:
        (user,) = self.make_users(1)
        told: list[Any] = []
        notify(user)
        transactions.before_commits(connection, told.append)
        transactions.before_commits(connection, told.append)
        try:
            with transaction.atomic():
                User.objects.filter(pk=user.pk).update(first_name="Ada")
            self.assertEqual(told, [connection])
            self.assertEqual(self.intents_at_commit(user), 1)
        finally:
            getattr(connection.commit, transactions.CALLS).remove(told.append)

    def test_without_the_wrapped_commit_redis_is_not_told(self) -> None:
        (user,) = self.make_users(1)
        notify(user)
        wrapped, django = connection.commit, connection.commit.__wrapped__

        def commit() -> None:
            django()

        setattr(commit, transactions.CALLS, [announce_all])
        connection.commit = commit
        try:
            self.assertEqual(self.intents_at_commit(user), 0)
        finally:
            connection.commit = wrapped

    def test_many_to_many_tables_are_reached(self) -> None:
        (user,) = self.make_users(1)
        group = Group.objects.create(name="staff")
        user.groups.add(group)
        user.groups.remove(group)
        self.assertEqual(GroupMembers.counter.value(group), 0)

    def test_rows_that_are_named_by_primary_keys_are_named_once_in_a_statement(self) -> None:
        """Twice, and PostgreSQL reads the whole table instead of its index."""
        if not connection.features.has_select_for_update:
            self.skipTest("nobody else can write, so that rows need not be named")
        (user,) = self.make_users(1)
        pks = [row.pk for row in notify(user, 3)]
        rows = Notification.objects.filter(pk__in=pks, user=user)
        for change, verb in ((lambda: rows.update(has_read=True), "UPDATE"), (rows.delete, "DELETE")):
            with CaptureQueriesContext(connection) as queries:
                self.assertTrue(change())
            (sql,) = [each["sql"] for each in queries if each["sql"].startswith(f"{verb} ")]
            self.assertEqual(sql.count(" IN ("), 1, sql)
            self.assertEqual(counter.value(user), true_count(user))
