"""A model and an API that somebody else wrote, ``django-notifications-community``'s, against its own count."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, models, transaction
from django.test import Client, override_settings
from django.urls import reverse
from notifications.base.models import NotificationQuerySet
from notifications.models import Notification
from notifications.signals import notify

from tests.capture.test_random import Rollback
from tests.support.base import CounterTestCase, heavy, uses_redis
from tests.support.walks import OPERATIONS, SEED, seeds
from tests.testapp.models import ActiveInboxCount, ActiveInboxCountByTriggers, InboxCount, InboxCountByTriggers

#: A step of this walk costs more than one over the built-in model: logins, views, and two counters.
STEPS = OPERATIONS // 5
SEEDS = seeds(4)


def soft_delete(on: bool) -> Any:
    """Its setting, under which ``unread`` leaves out what is softly deleted."""
    return override_settings(DJANGO_NOTIFICATIONS_CONFIG={"SOFT_DELETE": on})


def own_counts(users: Iterable[User], *, soft: bool) -> dict[User, int]:
    with soft_delete(soft):
        return {user: user.notifications.unread().count() for user in users}


def post(user: User, view: str, *slug: int) -> None:
    """One of its pages, as a logged-in user's browser asks for it."""
    client = Client()
    client.force_login(user)
    response = client.post(reverse(f"notifications:{view}", args=slug))
    assert response.status_code == 302, response.status_code


def get(user: User, view: str, **query: Any) -> dict[str, Any]:
    """One of its live answers."""
    client = Client()
    client.force_login(user)
    return json.loads(client.get(reverse(f"notifications:{view}"), query).content)


class CommunityTestCase(CounterTestCase):
    """Subclasses may name other count models, so that the same tests hold for another way of counting."""

    inbox: type[models.Model] = InboxCount
    active: type[models.Model] = ActiveInboxCount

    def setUp(self) -> None:
        super().setUp()
        # As after migrate: made in a block that is rolled back, they would be remembered, and gone.
        ContentType.objects.get_for_models(User, Group, Notification)
        self.users = self.make_users(3)
        self.user, self.other, self.third = self.users

    def value(self, user: User | None = None) -> int:
        return self.inbox.counter.value(user or self.user)

    def assert_own(self, users: list[User], said: str = "") -> None:
        """Values are what its own ``unread().count()`` says, with and without its soft delete."""
        for model, soft in ((self.inbox, False), (self.active, True)):
            own = own_counts(users, soft=soft)
            values = model.counter.values(users)
            assert values == own, f"{model.__name__}: values {values}, its own {own} {said}"

    def assert_values(self, *expected: int) -> None:
        self.assert_own(self.users)
        self.assertEqual([self.value(user) for user in self.users], list(expected))

    def assert_stored_own(self, users: list[User], said: str = "") -> None:
        for model, soft in ((self.inbox, False), (self.active, True)):
            stored = dict(model.objects.values_list("pk", "unread"))
            for user, own in own_counts(users, soft=soft).items():
                self.assertEqual(stored.get(user.pk, 0), own, f"{model.__name__} {said}")

    def flush(self, chunk: int | None = None) -> None:
        for model in (self.inbox, self.active):
            assert model.counter.flush(chunk_size=chunk).ok

    def send(self, user: User | None = None, number: int = 1) -> list[Notification]:
        for _ in range(number):
            notify.send(self.third, recipient=user or self.user, verb="wrote")
        return list(Notification.objects.filter(recipient=user or self.user).order_by("-pk")[:number])


class CommunityTest(CommunityTestCase):
    def test_a_message_to_a_user_a_group_a_queryset_and_a_list_counts_one_for_each_recipient(self) -> None:
        group = Group.objects.create(name="writers")
        group.user_set.add(self.user, self.other)
        notify.send(self.third, recipient=self.user, verb="wrote")
        self.assert_values(1, 0, 0)
        notify.send(self.third, recipient=group, verb="wrote")
        self.assert_values(2, 1, 0)
        notify.send(self.third, recipient=User.objects.all(), verb="wrote")
        self.assert_values(3, 2, 1)
        notify.send(self.third, recipient=[self.other, self.other], verb="wrote")
        self.assert_values(3, 4, 1)
        notify.send(self.third, recipient=self.user, verb="wrote", unread=False)
        self.assert_values(3, 4, 1)

    def test_marking_all_counts_what_it_changed_and_a_second_time_nothing(self) -> None:
        self.send(self.user, 3)
        self.send(self.other, 2)
        for _ in range(2):
            self.user.notifications.mark_all_as_read()
            self.assert_values(0, 2, 0)
        for _ in range(2):
            Notification.objects.mark_all_as_unread(recipient=self.user)
            self.assert_values(3, 2, 0)
        Notification.objects.mark_all_as_read()
        self.assert_values(0, 0, 0)
        Notification.objects.all().mark_all_as_unread()
        self.assert_values(3, 2, 0)

    def test_marking_a_message_counts_once_whatever_its_instance_remembers(self) -> None:
        (row,) = self.send()
        stale = Notification.objects.get(pk=row.pk)
        row.mark_as_read()
        stale.mark_as_read()
        self.assert_values(0, 0, 0)
        stale = Notification.objects.get(pk=row.pk)
        row.mark_as_unread()
        stale.mark_as_unread()
        self.assert_values(1, 0, 0)

    def test_marking_as_sent_changes_no_count(self) -> None:
        self.send(self.user, 2)
        self.assertEqual(Notification.objects.mark_as_sent(), 2)
        self.assertEqual(self.user.notifications.mark_as_unsent(self.user), 2)
        self.assert_values(2, 0, 0)

    @soft_delete(True)
    def test_a_soft_delete_counts_where_the_condition_names_it(self) -> None:
        self.send(self.user, 3)
        self.send(self.other, 2)
        Notification.objects.mark_all_as_deleted(self.user)
        self.assert_values(3, 2, 0)
        self.assertEqual(self.active.counter.values(self.users), {self.user: 0, self.other: 2, self.third: 0})
        self.user.notifications.mark_all_as_active()
        self.assertEqual(self.active.counter.value(self.user), 3)
        self.user.notifications.mark_all_as_deleted()
        self.user.notifications.mark_all_as_read()  # the softly deleted ones too
        self.assert_values(0, 2, 0)
        self.user.notifications.mark_all_as_active()
        self.assertEqual(self.active.counter.value(self.user), 0)
        self.assert_values(0, 2, 0)

    def test_its_pages_count(self) -> None:
        first, second, third = self.send(self.user, 3)
        post(self.user, "mark_as_read", first.slug)
        self.assert_values(2, 0, 0)
        post(self.user, "mark_as_unread", first.slug)
        self.assert_values(3, 0, 0)
        post(self.user, "delete", second.slug)
        self.assert_values(2, 0, 0)
        with soft_delete(True):
            post(self.user, "delete", third.slug)
        self.assert_values(2, 0, 0)
        self.assertEqual(self.active.counter.value(self.user), 1)
        post(self.user, "mark_all_as_read")
        self.assert_values(0, 0, 0)

    def test_its_live_answers_agree_and_a_live_list_counts_what_it_marks(self) -> None:
        self.send(self.user, 5)
        self.assertEqual(get(self.user, "live_unread_notification_count"), {"unread_count": self.value()})
        self.assertEqual(len(get(self.user, "live_unread_notification_list", max=2, mark_as_read=1)["unread_list"]), 2)
        self.assert_values(3, 0, 0)
        self.assertEqual(get(self.user, "live_unread_notification_count"), {"unread_count": self.value()})

    def test_its_action_in_the_admin_counts(self) -> None:
        rows = self.send(self.user, 2) + self.send(self.other, 1)
        Notification.objects.mark_all_as_read()
        client = Client()
        client.force_login(User.objects.create_superuser("admin"))
        chosen = {"action": "mark_unread", "_selected_action": [row.pk for row in rows]}
        client.post(reverse("admin:notifications_notification_changelist"), chosen)
        self.assert_values(2, 1, 0)
        client.post(
            reverse("admin:notifications_notification_changelist"),
            {**chosen, "action": "delete_selected", "post": "yes"},
        )
        self.assert_values(0, 0, 0)
        self.assertFalse(Notification.objects.exists())

    def test_the_related_manager_counts(self) -> None:
        (row,) = self.send()
        fields = {
            "actor_object_id": self.third.pk,
            "actor_content_type": ContentType.objects.get_for_model(User),
        }
        self.user.notifications.create(verb="made", **fields)
        self.user.notifications.get_or_create(verb="another", defaults=fields)
        self.assert_values(3, 0, 0)
        rows = [Notification(recipient=self.user, verb="made", **fields) for _ in range(2)]
        self.user.notifications.bulk_create(rows)
        self.assert_values(5, 0, 0)
        self.other.notifications.add(row)
        self.assert_values(4, 1, 0)
        self.user.notifications.filter(verb="made").update(unread=False)
        self.assert_values(1, 1, 0)
        self.user.notifications.all().delete()
        self.assert_values(0, 1, 0)

    def test_a_deleted_user_takes_its_messages_and_its_counts_along(self) -> None:
        self.send(self.user, 2)
        self.flush()
        self.send(self.user, 1)
        self.assert_values(3, 0, 0)
        User.objects.filter(pk=self.user.pk).delete()
        self.assert_values(0, 0, 0)
        self.flush()
        self.assert_values(0, 0, 0)
        self.assertFalse(self.inbox.objects.filter(pk=self.user.pk).exists())

    def test_a_change_that_is_rolled_back_does_not_count(self) -> None:
        self.send(self.user, 2)
        with transaction.atomic():
            self.send(self.other, 1)
            with self.assertRaises(Rollback), transaction.atomic():
                self.user.notifications.mark_all_as_read()
                self.assert_values(0, 1, 0)
                raise Rollback
            self.assert_values(2, 1, 0)
        self.assert_values(2, 1, 0)

    def test_a_flush_stores_its_own_count_and_a_recount_finds_nothing_to_correct(self) -> None:
        self.send(self.user, 3)
        self.send(self.other, 2)
        self.user.notifications.first().mark_as_read()
        self.flush()
        self.assert_stored_own(self.users)
        found = self.inbox.counter.recount(self.users)
        self.assertEqual([(one.stored, one.actual, one.difference) for one in found], [(2, 2, 0), (2, 2, 0), (0, 0, 0)])

    @heavy
    def test_random_operations_equal_its_own_count_after_every_step(self) -> None:
        for seed in SEEDS:
            with self.subTest(seed=seed), soft_delete(seed % 2 == 0):
                Notification.objects.all().delete()
                walk = Walk(seed, self)
                for place in range(STEPS // len(SEEDS)):
                    name = walk.step()
                    walk.check(f"after {name}, step {place}, seed {seed}")
                self.flush()
                self.assert_stored_own(walk.users, f"seed {seed}")
        print(f"NC_SEED={SEED}: {STEPS} random operations of notifications by others", flush=True)


class CommunityByTriggersTest(CommunityTest):
    """The same, counted by the database."""

    inbox = InboxCountByTriggers
    active = ActiveInboxCountByTriggers

    def setUp(self) -> None:
        super().setUp()
        if uses_redis():
            self.skipTest("triggers write into the database, whichever buffer the others have")


class ManagerTest(CommunityTestCase):
    def test_its_manager_and_querysets_are_still_its_own(self) -> None:
        for rows in (Notification.objects.all(), self.user.notifications.all(), Notification.objects.unread()):
            self.assertIsInstance(rows, NotificationQuerySet)
        self.assertIsInstance(Notification.objects, type(NotificationQuerySet.as_manager()).__mro__[1])

    def test_a_pickled_queryset_counts(self) -> None:
        self.send(self.user, 2)
        rows = pickle.loads(pickle.dumps(self.user.notifications.unread()))
        self.assertEqual((len(rows), rows.mark_all_as_read()), (2, 2))
        self.assert_values(0, 0, 0)


class RawSqlTest(CommunityTestCase):
    """What signals cannot see."""

    def test_raw_sql_is_not_counted_until_a_recount(self) -> None:
        self.send(self.user, 2)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE notifications_notification SET unread = %s", [False])
        self.assertEqual(self.value(), 2)
        call_command("notification_recount", verbosity=0)
        self.assert_values(0, 0, 0)


class Walk:
    """A random walk over everything in its API that changes counts."""

    def __init__(self, seed: int, test: CommunityTestCase) -> None:
        self.random = random.Random(seed)
        self.test = test
        self.soft = seed % 2 == 0
        self.depth = 0
        self.seed = seed
        self.created = 0
        self.gone: list[User] = []
        self.group = Group.objects.create(name=f"group {seed}")
        self.users = [self.new_user() for _ in range(4)]

    def new_user(self) -> User:
        self.created += 1
        user = User.objects.create(username=f"{self.seed} {self.created}")
        if self.created % 2:
            self.group.user_set.add(user)
        return user

    def step(self) -> str:
        names = [name for name in dir(self) if name.startswith("do_")]
        name = self.random.choice(names)
        getattr(self, name)()
        return name

    def check(self, said: str = "") -> None:
        self.test.assert_own(self.users + self.gone, said)

    def user(self) -> User:
        return self.random.choice(self.users)

    def some(self) -> Notification | None:
        found = list(self.user().notifications.order_by("pk")[:20])
        return self.random.choice(found) if found else None

    def some_rows(self, rows: Any) -> Any:
        """A part of a queryset, or of what a manager gives out."""
        pks = list(Notification.objects.order_by("pk").values_list("pk", flat=True))
        return rows.filter(pk__in=self.random.sample(pks, min(25, len(pks))))

    # Messages

    def send(self, recipient: Any) -> None:
        values = {"unread": False} if self.random.random() < 0.2 else {}
        if self.soft and self.random.random() < 0.1:
            values["deleted"] = True
        notify.send(self.user(), recipient=recipient, verb="wrote", **values)

    def do_send_to_user(self) -> None:
        self.send(self.user())

    def do_send_to_group(self) -> None:
        self.send(self.group)

    def do_send_to_queryset(self) -> None:
        self.send(User.objects.filter(pk__in=[user.pk for user in self.users[:3]]))

    def do_send_to_list(self) -> None:
        self.send([self.user() for _ in range(self.random.randrange(4))])

    # Its querysets and instances

    def mark(self, name: str) -> None:
        """All or some rows of all, or of one by either way to say whose."""
        rows = Notification.objects if self.random.random() < 0.3 else self.user().notifications
        if self.random.random() < 0.5:
            rows = self.some_rows(rows)
        getattr(rows, name)(self.random.choice([None, self.user()]))

    def do_mark_all_as_read(self) -> None:
        self.mark("mark_all_as_read")

    def do_mark_all_as_unread(self) -> None:
        self.mark("mark_all_as_unread")

    def do_mark_all_as_sent_or_unsent(self) -> None:
        self.mark(self.random.choice(["mark_as_sent", "mark_as_unsent"]))

    def do_mark_all_as_deleted(self) -> None:
        if self.soft:
            self.mark("mark_all_as_deleted")

    def do_mark_all_as_active(self) -> None:
        if self.soft:
            self.mark("mark_all_as_active")

    def do_mark_as_read(self) -> None:
        if found := self.some():
            found.mark_as_read()

    def do_mark_as_unread(self) -> None:
        if found := self.some():
            found.mark_as_unread()

    def do_mark_stale(self) -> None:
        if found := self.some():
            stale = Notification.objects.get(pk=found.pk)
            self.random.choice([found.mark_as_read, found.mark_as_unread, found.delete])()
            if found.pk is not None:
                self.random.choice([stale.mark_as_read, stale.mark_as_unread, stale.delete])()

    def do_delete(self) -> None:
        if found := self.some():
            found.delete()

    def do_delete_many(self) -> None:
        if self.random.random() < 0.3:
            self.some_rows(self.user().notifications.read()).delete()
            self.some_rows(self.user().notifications).delete()

    # The related manager

    def fields(self) -> dict[str, Any]:
        actor = {
            "actor_content_type": ContentType.objects.get_for_model(User),
            "actor_object_id": self.user().pk,
        }
        return {"verb": f"verb {self.random.randrange(5)}", "unread": self.random.random() < 0.7, **actor}

    def do_related_create(self) -> None:
        self.user().notifications.create(**self.fields())

    def do_related_update_or_create(self) -> None:
        fields = self.fields()
        method = self.random.choice(["get_or_create", "update_or_create"])
        rows = self.user().notifications
        if rows.filter(verb=fields["verb"]).count() < 2:
            getattr(rows, method)(verb=fields.pop("verb"), defaults=fields)

    def do_related_bulk_create(self) -> None:
        owner = self.user()
        owner.notifications.bulk_create([Notification(recipient=owner, **self.fields()) for _ in range(3)])

    def do_related_add(self) -> None:
        if found := self.some():
            self.user().notifications.add(found, bulk=self.random.random() < 0.5)

    def do_related_update(self) -> None:
        self.some_rows(self.user().notifications).update(unread=self.random.random() < 0.5)

    # Its pages

    def do_page_of_one(self) -> None:
        if found := self.some():
            post(found.recipient, self.random.choice(["mark_as_read", "mark_as_unread", "delete"]), found.slug)

    def do_page_of_all(self) -> None:
        post(self.user(), "mark_all_as_read")

    def do_live_count(self) -> None:
        user = self.user()
        model = self.test.active if self.soft else self.test.inbox
        assert get(user, "live_unread_notification_count")["unread_count"] == model.counter.value(user)

    def do_live_list(self) -> None:
        get(self.user(), "live_unread_notification_list", max=self.random.randrange(1, 5), mark_as_read=1)

    # Users, flushes, recounts, transactions

    def do_delete_user(self) -> None:
        if self.random.random() < 0.3:
            user = self.users.pop(self.random.randrange(4))
            User.objects.filter(pk=user.pk).delete()
            self.gone = [*self.gone, user][-3:]
            self.users.append(self.new_user())

    def do_flush(self) -> None:
        if not self.depth:
            self.test.flush(self.random.choice([1, 3, None]))
            self.test.assert_stored_own(self.users)

    def do_recount(self) -> None:
        if not self.depth:
            for model in (self.test.inbox, self.test.active):
                found = model.counter.recount(self.users)
                assert not any(one.difference for one in found), found

    def do_nested(self) -> None:
        if self.depth > 3:
            return
        before = self.users[:], self.gone[:]
        self.depth += 1
        try:
            with transaction.atomic(durable=self.depth == 1):
                for _ in range(self.random.randrange(1, 6)):
                    name = self.step()
                    self.check(f"after {name} at depth {self.depth}")
                if self.random.random() < 0.5:
                    raise Rollback
        except Rollback:
            self.users, self.gone = before
        finally:
            self.depth -= 1
