"""Proxies, children with a table of their own, several counters, owners that go, other databases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core import serializers
from django.core.management import call_command
from django.db import transaction
from django.test import tag

from notifications_counter.controller import NotificationController
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, counter, empty_redis, flush_all, notify
from tests.testapp.models import LoudTicket, OldTicket, ReadNotifications, Team, TeamTickets, Ticket, UrgentTickets


@contextmanager
def temporary_path() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        yield str(Path(directory) / "rows.json")


class TicketTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)
        self.team = Team.objects.create()

    def assert_counted(self) -> None:
        teams = {team.pk: self.true(TeamTickets, team=team) for team in Team.objects.all()}
        users = {user.pk: self.true(UrgentTickets, assignee=user) for user in User.objects.all()}
        self.assertEqual(TeamTickets.counter.values(teams), teams)
        self.assertEqual(UrgentTickets.counter.values(users), users)

    def true(self, counted: type, **key: object) -> int:
        return Ticket.objects.filter(counted.counter.filter, **key).count()  # type: ignore[attr-defined]

    def values(self) -> dict[str, object]:
        return {"team": self.team, "assignee": self.user, "priority": 7}


class SubclassTest(TicketTestCase):
    def test_saves_and_deletes_of_a_proxy_and_of_a_child_are_counted(self) -> None:
        for model in (OldTicket, LoudTicket):
            with self.subTest(model=model.__name__):
                row = model.objects.create(**self.values())
                self.assertEqual(UrgentTickets.counter.value(self.user), 1)
                row.assignee = self.other
                row.save()
                self.assert_counted()
                row.delete()
                self.assert_counted()
                self.assertEqual(TeamTickets.counter.value(self.team), 0)

    def test_bulk_methods_of_a_proxy_and_of_a_child_are_counted(self) -> None:
        for model in (OldTicket, LoudTicket):
            with self.subTest(model=model.__name__):
                for _ in range(3):
                    model.objects.create(**self.values())
                self.assertEqual(model.objects.filter(team=self.team).update(assignee=self.other, priority=6), 3)
                self.assert_counted()
                model.objects.all().delete()
                self.assert_counted()

    def test_a_child_that_is_deleted_without_its_parent_still_counts(self) -> None:
        row = LoudTicket.objects.create(**self.values())
        row.delete(keep_parents=True)
        self.assertEqual(TeamTickets.counter.value(self.team), 1)
        self.assert_counted()


class OwnerTest(TicketTestCase):
    def test_a_deleted_owner_whose_rows_are_set_to_null_takes_their_count_along(self) -> None:
        Ticket.objects.create(**self.values())
        Ticket.objects.create(**self.values())
        pk = self.user.pk
        self.user.delete()
        self.assertEqual(UrgentTickets.counter.value(pk), 0)
        self.assertEqual(TeamTickets.counter.value(self.team), 2)

    def test_a_queryset_of_owners_too(self) -> None:
        Ticket.objects.create(**self.values())
        Ticket.objects.create(**{**self.values(), "assignee": self.other})
        User.objects.all().delete()
        self.assertEqual(set(UrgentTickets.counter.values([self.user.pk, self.other.pk]).values()), {0})

    def test_rows_that_go_with_their_team_count_for_nobody(self) -> None:
        Ticket.objects.create(**self.values())
        LoudTicket.objects.create(**self.values())
        Team.objects.all().delete()
        self.assert_counted()
        self.assertEqual(UrgentTickets.counter.value(self.user), 0)


class SeveralCountersTest(CounterTestCase):
    def test_each_counter_of_a_source_hears_of_every_mark(self) -> None:
        (user,) = self.make_users(1)
        first, *_ = notify(user, 4)
        NotificationController(user).mark_as_read(first.pk)
        self.assertEqual((counter.value(user), ReadNotifications.counter.value(user)), (3, 1))
        Notification.objects.filter(text="number 1").mark_as_read()
        self.assertEqual((counter.value(user), ReadNotifications.counter.value(user)), (2, 2))
        self.assertEqual(NotificationController(user).mark_all_as_read(), 2)
        self.assertEqual((counter.value(user), ReadNotifications.counter.value(user)), (0, 4))


class OtherWaysTest(TicketTestCase):
    databases = {"default", "other"}

    def test_asynchronous_methods_are_counted(self) -> None:
        async def work() -> None:
            first = await Ticket.objects.acreate(**self.values())
            second = await Ticket.objects.acreate(**self.values())
            await Ticket.objects.abulk_create([Ticket(**self.values()) for _ in range(3)])
            first.priority = 1
            await first.asave()
            await second.adelete()
            await Ticket.objects.filter(priority=7).aupdate(assignee=self.other)

        async_to_sync(work)()
        self.assert_counted()
        self.assertEqual(UrgentTickets.counter.value(self.other), 3)

    def test_each_database_counts_for_itself(self) -> None:
        twin = User.objects.using("other").create(pk=self.user.pk, username="twin")
        with transaction.atomic(), transaction.atomic(using="other"):
            notify(self.user)
            Notification.objects.using("other").create(user_id=twin.pk, text="there")
            Notification.objects.using("other").create(user_id=twin.pk, text="there")
        self.assertEqual((counter.value(self.user), counter.value(twin.pk, using="other")), (1, 2))
        NotificationController(twin.pk, using="other").mark_all_as_read()
        counter.flush(using="other")
        self.assertEqual((counter.value(self.user), counter.value(twin.pk, using="other")), (1, 0))

    @tag("long")
    def test_a_fixture_is_counted_with_its_count_rows_and_without(self) -> None:
        notify(self.user, 3)
        flush_all()
        excluded = ["notifications_counter.progress", "notifications_counter.delta"]
        for more, natural in (([], False), (["notifications_counter.usernotificationscount"], True)):
            path = self.enterContext(temporary_path())
            call_command(
                "dumpdata",
                "notifications_counter",
                "auth.user",
                exclude=excluded + more,
                output=path,
                natural_foreign=natural,
            )
            call_command("flush", interactive=False, verbosity=0)
            empty_redis()
            call_command("loaddata", path, verbosity=0)
            self.assertEqual(counter.value(self.user), 3)
            flush_all()
            self.assert_stored_exact([self.user])

    def test_a_row_of_a_fixture_that_is_saved_by_itself_is_counted(self) -> None:
        notify(self.user, 2)
        data = serializers.serialize("json", Notification.objects.all())
        Notification.objects.all().delete()
        for row in serializers.deserialize("json", data):
            row.save()
            row.save()
        self.assert_exact([self.user])
        self.assertEqual(counter.value(self.user), 2)

    def test_a_count_row_that_is_edited_by_hand_changes_no_value(self) -> None:
        notify(self.user, 2)
        counter.flush()
        row = type(counter.model.objects.get(pk=self.user.pk))(user=self.user, unread_count=77)
        row.save()
        self.assertEqual(counter.value(self.user), 2)
        counter.flush()
        self.assertEqual((counter.value(self.user), self.stored(self.user)), (2, 2))
