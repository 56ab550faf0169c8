"""Saves and deletes of single rows, of any model."""

from __future__ import annotations

import uuid

from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, Value
from django.utils import timezone

from notifications_counter.declaration import conditions
from notifications_counter.models import Notification, UserNotificationsCount
from tests.support.base import CounterTestCase, counter, flush_all, notify
from tests.testapp.models import Team, TeamTickets, Ticket, UrgentTickets


class SaveTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)

    def test_a_created_row_counts_if_it_is_unread(self) -> None:
        notify(self.user, 2)
        notify(self.user, has_read=True)
        self.assertEqual(counter.value(self.user), 2)

    def test_a_flip_counts_each_way_and_no_flip_counts_nothing(self) -> None:
        (row,) = notify(self.user)
        for has_read, value in ((True, 0), (True, 0), (False, 1), (False, 1)):
            row.has_read = has_read
            row.save()
            self.assertEqual(counter.value(self.user), value)

    def test_a_stale_instance_counts_what_its_save_changes_not_what_it_remembers(self) -> None:
        (row,) = notify(self.user)
        stale = Notification.objects.get(pk=row.pk)
        row.has_read = True
        row.save()
        stale.text = "still unread, it thinks"
        stale.save()
        self.assertEqual(counter.value(self.user), 1)
        row.save(update_fields=["text"])
        self.assertEqual(counter.value(self.user), 1)

    def test_a_new_owner_takes_the_count_along(self) -> None:
        (row,) = notify(self.user)
        row.user = self.other
        row.save(update_fields=["user"])
        self.assertEqual(counter.values([self.user.pk, self.other.pk]), {self.user.pk: 0, self.other.pk: 1})

    def test_a_row_saved_with_an_expression_is_read_back(self) -> None:
        row = Notification(user=self.user, text="expression", has_read=Value(False))
        row.save()
        self.assertEqual(counter.value(self.user), 1)

    def test_a_row_with_a_given_primary_key_counts_once_however_often_it_is_saved(self) -> None:
        Notification(pk=77, user=self.user, text="new").save()
        Notification(pk=77, user=self.user, text="the same").save()
        self.assertEqual(counter.value(self.user), 1)
        Notification(pk=77, user=self.user, text="read", has_read=True).save()
        self.assertEqual(counter.value(self.user), 0)

    def test_a_save_that_fails_counts_nothing(self) -> None:
        (row,) = notify(self.user)
        with self.assertRaises(IntegrityError):
            Notification(pk=row.pk, user=self.user, text="twice").save(force_insert=True)
        with self.assertRaises(IntegrityError), transaction.atomic():
            Notification.objects.create(user_id=10**6, text="nobody's")
        self.assertEqual((counter.value(self.user), counter.value(10**6)), (1, 0))

    def test_a_save_of_other_fields_asks_nothing_of_the_database(self) -> None:
        (row,) = notify(self.user)
        with self.assertNumQueries(1) as queries:
            row.save(update_fields=["text"])
        self.assertEqual([query["sql"][:6] for query in queries if query["sql"].startswith("SELECT")], [])

    def test_get_or_create_and_update_or_create_count(self) -> None:
        for _ in range(2):
            Notification.objects.get_or_create(user=self.user, text="one")
            Notification.objects.update_or_create(user=self.user, text="two", defaults={"kind": "x"})
            self.user.inbox_notifications.get_or_create(text="three")
        self.assertEqual(counter.value(self.user), 3)


class DeleteTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)

    def test_a_deleted_row_counts_if_it_was_unread_in_the_database(self) -> None:
        first, second = notify(self.user, 2)
        Notification.objects.filter(pk=second.pk).mark_as_read()
        first.delete()
        self.assertEqual(counter.value(self.user), 0)
        second.delete()
        self.assertEqual(counter.value(self.user), 0)

    def test_a_second_delete_counts_nothing(self) -> None:
        (row,) = notify(self.user)
        same = Notification.objects.get(pk=row.pk)
        row.delete()
        same.delete()
        self.assertEqual(counter.value(self.user), 0)

    def test_a_queryset_delete_counts_all_its_rows_in_two_queries_more_than_django(self) -> None:
        notify(self.user, 5)
        notify(self.user, 5, has_read=True)
        deleted, _ = Notification.objects.filter(user=self.user, text__in=["number 1", "number 2"]).delete()
        self.assertEqual((deleted, counter.value(self.user)), (4, 3))

    def test_a_queryset_that_django_does_not_delete_is_refused_as_there(self) -> None:
        notify(self.user, 3)
        with self.assertRaises(TypeError):
            Notification.objects.all()[:1].delete()
        self.assertEqual(counter.value(self.user), 3)
        Notification.objects.distinct().filter(text="number 1").delete()
        self.assertEqual(counter.value(self.user), 2)

    def test_a_user_is_deleted_with_its_rows_and_its_count(self) -> None:
        notify(self.user, 3)
        counter.flush()
        notify(self.user)
        self.assertEqual(counter.value(self.user), 4)
        pk = self.user.pk
        self.user.delete()
        self.assertEqual(counter.value(pk), 0)
        self.assertTrue(counter.flush().ok)
        self.assertEqual((counter.value(pk), UserNotificationsCount.objects.count()), (0, 0))

    def test_a_count_row_that_somebody_deletes_comes_back_with_the_next_flush(self) -> None:
        notify(self.user, 3)
        counter.flush()
        self.assertEqual(counter.value(self.user), 3)
        UserNotificationsCount.objects.all().delete()
        self.assertEqual(counter.value(self.user), 3)
        notify(self.user)
        self.assertEqual(counter.value(self.user), 4)
        counter.flush()
        self.assertEqual((counter.value(self.user), self.stored(self.user)), (4, 4))


class BulkTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)

    def test_bulk_create_counts_one_sum_for_each_key(self) -> None:
        rows = [
            Notification(user=user, text="x", has_read=read) for user in (self.user, self.other) for read in (0, 0, 1)
        ]
        Notification.objects.bulk_create(rows)
        self.assertEqual(counter.values([self.user.pk, self.other.pk]), {self.user.pk: 2, self.other.pk: 2})

    def test_bulk_create_that_skips_rows_is_recounted(self) -> None:
        (row,) = notify(self.user)
        rows = [Notification(pk=pk, user=self.other, text="x") for pk in (row.pk, row.pk + 1, row.pk + 2)]
        with transaction.atomic():
            Notification.objects.bulk_create(rows, None, True)
            self.assert_exact([self.user, self.other])
        self.assert_exact([self.user, self.other])
        self.assertEqual(counter.value(self.other), 2)
        counter.flush()
        self.assert_stored_exact([self.user, self.other])

    def test_bulk_create_that_changes_rows_is_recounted_for_their_old_keys_too(self) -> None:
        (row,) = notify(self.user)
        rows = [Notification(pk=pk, user=self.other, text="x") for pk in (row.pk, row.pk + 1)]
        unique = {} if connection.vendor == "mysql" else {"unique_fields": ["pk"]}
        Notification.objects.bulk_create(rows, update_conflicts=True, update_fields=["user"], **unique)
        self.assert_exact([self.user, self.other])
        self.assertEqual(counter.value(self.other), 2)

    def test_marking_many_counts_for_each_of_their_users(self) -> None:
        notify(self.user, 3)
        notify(self.other, 2)
        self.assertEqual(Notification.objects.filter(text="number 1").mark_as_read(), 2)
        self.assertEqual(Notification.objects.filter(text="number 1").mark_as_read(), 0)
        self.assertEqual(counter.values([self.user.pk, self.other.pk]), {self.user.pk: 2, self.other.pk: 1})

    def test_rows_added_to_another_user_take_their_counts_along(self) -> None:
        first, second, _ = notify(self.user, 3)
        self.other.inbox_notifications.add(first)
        self.assertEqual(counter.values([self.user.pk, self.other.pk]), {self.user.pk: 2, self.other.pk: 1})
        apps.clear_cache()  # as when one more model is declared
        self.other.inbox_notifications.add(second)
        self.assertEqual(counter.values([self.user.pk, self.other.pk]), {self.user.pk: 1, self.other.pk: 2})


class AnyModelTest(CounterTestCase):
    """Two counters over one source, one with UUID keys from an abstract base, both over nullable columns."""

    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)
        self.team = Team.objects.create()

    def values(self) -> tuple[int, int]:
        return TeamTickets.counter.value(self.team), UrgentTickets.counter.value(self.user)

    def actual_counts(self) -> tuple[int, int]:
        of_team = Ticket.objects.filter(team=self.team).filter(TeamTickets.counter.filter)
        of_user = Ticket.objects.filter(assignee=self.user).filter(UrgentTickets.counter.filter)
        return of_team.count(), of_user.count()

    def assert_exact(self, users: object = (), said: str = "") -> None:
        self.assertEqual(self.values(), self.actual_counts(), said)

    def test_every_change_counts_for_each_counter_that_it_concerns(self) -> None:
        row = Ticket.objects.create(team=self.team, assignee=self.user, priority=5)
        self.assertEqual(self.values(), (1, 1))
        for name, value in (
            ("priority", 8),
            ("priority", -1),
            ("state", "done"),
            ("state", "open"),
            ("closed_at", timezone.now()),
            ("closed_at", None),
            ("assignee", None),
            ("assignee", self.other),
            ("assignee", self.user),
            ("team", None),
            ("team", self.team),
            ("priority", F("priority") + 6),
        ):
            setattr(row, name, value)
            row.save()
            row.refresh_from_db()
            self.assert_exact(said=f"{name} = {value}")
        row.delete()
        self.assertEqual(self.values(), (0, 0))

    def test_a_flush_stores_counts_under_uuid_keys_with_the_other_columns_defaults(self) -> None:
        Ticket.objects.bulk_create([Ticket(team=self.team, assignee=self.user, priority=place) for place in range(10)])
        self.assert_exact()
        flush_all()
        self.assertEqual(TeamTickets.objects.get(pk=self.team.pk).tickets, 8)
        self.assertEqual(TeamTickets.objects.get(pk=self.team.pk).note, "new")
        self.assertEqual(UrgentTickets.objects.get(pk=self.user.pk).urgent, 5)
        self.assert_exact()
        self.assertEqual(TeamTickets.counter.value(str(self.team.pk)), 8)
        self.assertEqual(TeamTickets.counter.value(uuid.uuid4()), 0)

    def test_a_queryset_delete_counts_for_both_counters(self) -> None:
        Ticket.objects.bulk_create([Ticket(team=self.team, assignee=self.user, priority=place) for place in range(10)])
        Ticket.objects.filter(priority__lt=7).delete()
        self.assert_exact()


PLACES = {"priority": 0, "assignee_id": 1}


class ConditionTest(CounterTestCase):
    def test_what_null_among_several_values_means_is_left_to_the_database(self) -> None:
        self.assertIsNone(conditions.compiled(Q(assignee__in=[1, None]), Ticket, PLACES))

    def test_a_condition_has_the_same_answer_in_memory_as_in_sql(self) -> None:
        rows = [
            Ticket.objects.create(priority=priority, assignee=user)
            for priority in (-1, 0, 5, 8)
            for user in (None, User.objects.create(username=f"condition {priority}"))
        ]
        some = rows[1].assignee_id
        simple = [
            Q(priority=5),
            Q(priority__in=[0, 8]),
            Q(priority__gt=0),
            Q(priority__lte=0),
            Q(assignee=None),
            Q(assignee__isnull=False),
            Q(assignee=some),
            Q(assignee_id__lt=some),
            Q(assignee__in=[some, some + 1]),
            Q(),
        ]
        pairs = [one & ~two for one in simple for two in simple] + [~(one | ~two) for one in simple for two in simple]
        for condition in [*simple, *(~one for one in simple), *pairs]:
            in_sql = set(Ticket.objects.filter(condition).values_list("pk", flat=True))
            counts = conditions.compiled(condition, Ticket, PLACES)
            assert counts is not None
            in_memory = {row.pk for row in rows if counts((row.priority, row.assignee_id))}
            self.assertEqual(in_memory, in_sql, condition)
