"""Deleting an object deletes the notifications about it, however Django deletes it, and the counts stay exact."""

import uuid
from contextlib import contextmanager

from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifications_counter.inbox import notify
from notifications_counter.inbox.models import Mute
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase
from tests.testapp.models import Click, LoudTicket, OldTicket, Team, Ticket

from .settings import with_inbox


class TargetTest(CounterTestCase):
    def setUp(self):
        super().setUp()
        self.users = self.make_users(3)

    @contextmanager
    def assert_only_the_others_stay(self, *targets, others=()):
        """Notifications about the targets are gone afterwards, those about others and about nothing are not."""
        Notification.objects.all().delete()
        for target in (*targets, *others, None):
            notify(self.users, "x", target=target)
        yield
        left = Notification.objects.filter(user__in=self.users)
        self.assertEqual(left.count(), 3 * (len(others) + 1))
        for other in others:
            self.assertEqual(left.about(other).count(), 3)
        self.assert_exact(User.objects.all())

    def test_an_instance(self):
        one, other = Ticket.objects.create(), Ticket.objects.create()
        with self.assert_only_the_others_stay(one, others=[other]):
            one.delete()

    def test_a_queryset(self):
        tickets = [Ticket.objects.create(priority=place) for place in range(4)]
        with self.assert_only_the_others_stay(*tickets[:2], others=tickets[2:]):
            self.assertEqual(Ticket.objects.filter(priority__lt=2).delete()[1]["testapp.Ticket"], 2)

    def test_a_queryset_whose_rows_django_does_not_load(self):
        clicks = [Click.objects.create(url=f"https://example.org/{place}", clicks=place) for place in range(4)]
        with self.assert_only_the_others_stay(*clicks[:2], others=clicks[2:]):
            self.assertEqual(Click.objects.filter(clicks__lt=2).delete(), (2, {"testapp.Click": 2}))

    def test_a_cascade(self):
        team, other = Team.objects.create(), Team.objects.create()
        ticket, kept = Ticket.objects.create(team=team), Ticket.objects.create(team=other)
        with self.assert_only_the_others_stay(team, ticket, others=[other, kept]):
            team.delete()

    def test_a_user_who_is_what_it_is_about(self):
        target = User.objects.create(username="target")
        with self.assert_only_the_others_stay(target, others=[self.users[0]]):
            target.delete()

    def test_rows_of_a_many_to_many_table(self):
        group, other = Group.objects.create(name="a"), Group.objects.create(name="b")
        group.user_set.add(self.users[0])
        other.user_set.add(self.users[0])
        through = User.groups.through.objects
        one, kept = through.get(group=group), through.get(group=other)
        with self.assert_only_the_others_stay(one, others=[kept, group]):
            self.users[0].groups.remove(group)

    def test_a_primary_key_that_is_a_uuid_however_it_is_written(self):
        team = Team.objects.create()
        with self.assert_only_the_others_stay(team):
            Team(id=str(team.pk).upper()).delete()
        other = Team(id=uuid.uuid4().hex)
        other.save()
        with self.assert_only_the_others_stay(other):
            other.delete()

    def test_a_proxy_and_the_model_behind_it_are_one(self):
        ticket, other = Ticket.objects.create(), Ticket.objects.create()
        with self.assert_only_the_others_stay(OldTicket.objects.get(pk=ticket.pk), others=[other]):
            ticket.delete()
        ticket = Ticket.objects.create()
        with self.assert_only_the_others_stay(ticket, others=[other]):
            OldTicket.objects.filter(pk=ticket.pk).delete()

    def test_a_child_with_a_table_of_its_own_and_its_parent(self):
        loud = LoudTicket.objects.create()
        with self.assert_only_the_others_stay(loud, Ticket.objects.get(pk=loud.pk)):
            Ticket.objects.get(pk=loud.pk).delete()
        loud = LoudTicket.objects.create()
        with self.assert_only_the_others_stay(loud, others=[Ticket.objects.get(pk=loud.pk)]):
            loud.delete(keep_parents=True)

    def test_who_has_muted_it_is_forgotten(self):
        ticket = Ticket.objects.create()
        notify(self.users, "x", target=ticket)
        target = Notification.objects.first()
        Mute.objects.create(user=self.users[0], target_type=target.target_type, target_id=target.target_id)
        ticket.delete()
        self.assertEqual(Mute.objects.count(), 0)

    def test_what_is_rolled_back_stays(self):
        ticket = Ticket.objects.create()
        with self.assert_only_the_others_stay(others=[ticket]), transaction.atomic():
            Ticket.objects.all().delete()
            self.assertEqual(Notification.objects.exclude(target_id=None).count(), 0)
            transaction.set_rollback(True)

    def test_many_notifications_about_one_object_are_deleted_in_parts(self):
        ticket = Ticket.objects.create()
        with self.assert_only_the_others_stay():
            notify(self.users, "x", target=ticket)
            row = Notification.objects.about(ticket).first()
            values = {"target_type": row.target_type, "target_id": row.target_id, "text": "x"}
            rows = [Notification(user=self.users[place % 3], **values) for place in range(6_000)]
            Notification.objects.bulk_create(rows)
            ticket.delete()

    def test_the_setting_off_and_a_list_of_models(self):
        for wanted, goes in ((False, False), (["testapp.Team"], False), (["testapp.Ticket"], True), ([], False)):
            with self.subTest(wanted), with_inbox(DELETE_WITH_TARGET=wanted):
                Notification.objects.all().delete()
                ticket = Ticket.objects.create()
                notify(self.users, "x", target=ticket)
                ticket.delete()
                self.assertEqual(Notification.objects.count(), 0 if goes else 3)
                self.assert_exact(self.users)

    def test_a_listed_proxy_means_the_model_behind_it(self):
        with with_inbox(DELETE_WITH_TARGET=["testapp.OldTicket"]):
            ticket = Ticket.objects.create()
            with self.assert_only_the_others_stay(ticket):
                ticket.delete()

    def test_other_deletes_take_one_query_more_for_each_statement_and_those_of_other_models_none(self):
        def queries(delete):
            with CaptureQueriesContext(connection) as found:
                delete()
            return len(found)

        def session():
            return Session.objects.filter(session_key="x").delete

        def group():
            return Group.objects.create(name=str(uuid.uuid4())).delete

        with with_inbox(DELETE_WITH_TARGET=False):
            plain, plain_session = queries(group()), queries(session())
        with with_inbox(DELETE_WITH_TARGET=["testapp.Ticket"]):
            self.assertEqual(queries(group()), plain)
        # Of a group three tables lose rows: its own, and two many-to-many tables.
        self.assertEqual(queries(group()), plain + 3)
        self.assertEqual(queries(session()), plain_session)
