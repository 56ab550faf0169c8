"""Recounts: of keys, of the whole table, beside writers, and when they are asked for."""

from __future__ import annotations

import time
from io import StringIO
from typing import Any

from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations import Migration, RunPython
from django.test import tag

from notifications_counter.annotations import AnnotationNotSupported, CounterQuerySet, value_of
from notifications_counter.buffers import buffers
from notifications_counter.controller import NotificationController
from notifications_counter.exceptions import InvalidKey, NothingToRecount, RecountInTransaction
from notifications_counter.ledger.tables import Delta, Progress
from notifications_counter.management.migrate_handlers import after_migrate
from notifications_counter.models import Notification, UserNotificationsCount
from notifications_counter.reconciliation.walk import recount_next
from tests.support.base import (
    CounterTestCase,
    behind_djangos_back,
    counter,
    finish,
    heavy,
    notify,
    start_child,
    true_count,
    uses_redis,
)
from tests.support.site import Site
from tests.support.walks import unless_quick
from tests.testapp.models import Click, Team, TeamTickets, Ticket


class RecountTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)

    def test_a_recount_reports_what_it_found_and_corrects_it(self) -> None:
        notify(self.user, 2)
        counter.flush()
        notify(self.user)
        behind_djangos_back(self.user, 4)
        found = counter.recount([self.user, self.other])
        self.assertEqual(
            [(one.stored, one.pending, one.actual, one.difference) for one in found], [(2, 1, 7, 4), (0,) * 4]
        )
        self.assertEqual(counter.value(self.user), 7)
        self.assertEqual([one.difference for one in counter.recount([self.user])], [0])
        counter.flush()
        self.assert_stored_exact([self.user, self.other])

    def test_a_wrong_count_without_rows_goes_back_to_zero(self) -> None:
        counter.add({self.user: 9})
        counter.flush()
        counter.recount([self.user])
        self.assertEqual(counter.value(self.user), 0)

    def test_a_recount_inside_a_transaction_or_of_events_is_refused(self) -> None:
        with self.assertRaises(RecountInTransaction), transaction.atomic():
            counter.recount([self.user])
        with self.assertRaises(NothingToRecount):
            Click.counter.recount(["https://example.com/"])

    def test_a_recount_that_is_asked_for_makes_reads_count_until_it_is_done(self) -> None:
        counter.add({self.user: 5})
        with transaction.atomic():
            counter.request_recount([str(self.user.pk)])
            self.assertEqual(counter.value(self.user), 0)
        self.assertEqual(counter.value(self.user), 0)
        counter.flush()
        self.assertEqual((counter.value(self.user), Delta.objects.count()), (0, 0))

    def test_only_what_can_be_recounted_may_be_asked_for(self) -> None:
        with self.assertRaises(NothingToRecount):
            Click.counter.request_recount(["https://example.com/"])
        with self.assertRaises(InvalidKey):
            counter.request_recount(["nobody"])
        with self.assertRaises(CommandError):
            call_command("notification_recount", counter=["testapp.Click"])
        counter.request_recount([self.user])
        self.assertEqual(counter.value(self.user), 0)

    def test_while_a_recount_is_awaited_nothing_cached_is_read(self) -> None:
        if not uses_redis():
            self.skipTest("the database buffer caches nothing")
        notify(self.user, 2)
        self.assertEqual(counter.value(self.user), 2)
        buffer = buffers["default"]
        buffer.server.run("intend", buffer.shards.base(counter.store(), 0), "a writer", 60, str(self.user.pk))  # type: ignore[attr-defined]
        behind_djangos_back(self.user, 1)
        with transaction.atomic():
            counter.request_recount([self.user])
        self.assertEqual(
            [counter.value(self.user), counter.values([self.user])[self.user], counter.value(self.user)], [3] * 3
        )

    def test_a_flush_goes_on_when_a_recount_finds_no_gap(self) -> None:
        if not uses_redis():
            self.skipTest("writers do not hold up the database buffer's recounts")
        buffer = buffers["default"]
        buffer.server.run("intend", buffer.shards.base(counter.store(), 0), "a writer", 60, str(self.user.pk))  # type: ignore[attr-defined]
        counter.request_recount([self.user])
        notify(self.other)
        with self.assertLogs("notifications_counter", "WARNING") as logs:
            counter.flush()
        self.assertIn("left no gap", logs.output[0])
        self.assertEqual(self.stored(self.other), 1)

    def test_a_cached_value_that_is_wrong_by_itself_is_dropped(self) -> None:
        if uses_redis():
            notify(self.user)
            buffer = buffers["default"]
            buffer.server.client.set(f"{buffer.shards.base(counter.store(), 0)}:total:{self.user.pk}", 77)  # type: ignore[attr-defined]
            counter.recount([self.user])
            self.assertEqual(counter.value(self.user), 1)

    def test_a_recount_asked_for_by_a_rolled_back_block_changes_nothing(self) -> None:
        counter.add({self.user: 5})
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            counter.request_recount([str(self.user.pk)])
            raise ZeroDivisionError
        self.assertEqual(counter.value(self.user), 5)

    @heavy
    @tag("long")
    def test_two_processes_saving_the_same_rows_at_once_end_exact(self) -> None:
        times = unless_quick(1000 if connection.vendor != "sqlite" else 100)
        for pair in (("read", "unread"), ("delete", "read")):
            Notification.objects.all().delete()
            rows = [Notification(user=self.user, text=f"number {place}") for place in range(times)]
            Notification.objects.bulk_create(rows)
            start = time.time() + 3
            children = [start_child("save_often", self.user.pk, start, times, action) for action in pair]
            for child in children:
                finish(child)
            self.assertEqual(counter.value(self.user), true_count(self.user))
            counter.flush()
            self.assert_stored_exact([self.user])


class FillTest(CounterTestCase):
    """A table that had rows before it was counted."""

    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(5)
        for place, user in enumerate(self.users):
            behind_djangos_back(user, place)
        Progress.objects.filter(counter=counter.label).update(backfilled=False)

    def test_until_it_is_filled_a_value_is_counted_and_writers_go_on(self) -> None:
        self.assert_exact(self.users)
        notify(self.users[0])
        self.assert_exact(self.users)
        with transaction.atomic():
            notify(self.users[1])
            self.assert_exact(self.users)

    def test_the_command_fills_everything_and_says_so(self) -> None:
        notify(self.users[0], 2)
        out = StringIO()
        call_command("notification_recount", counter=[counter.model._meta.label], stdout=out)
        self.assertRegex(out.getvalue(), r"UserNotificationsCount.counter: \d+ recounts, 4 corrections")
        self.assertTrue(Progress.objects.get(counter=counter.label).backfilled)
        self.assert_exact(self.users)
        counter.flush()
        self.assert_stored_exact(self.users)

    def test_a_fill_that_was_stopped_goes_on_where_it_was(self) -> None:
        first = recount_next(counter.store(), 2)
        second = recount_next(counter.store(), 2)
        self.assertEqual([one.actual for one in [*(first or ()), *(second or ())]], [1, 2, 3, 4])
        self.assert_exact(self.users)
        while recount_next(counter.store(), 2) is not None:
            pass
        self.assertTrue(Progress.objects.get(counter=counter.label).backfilled)
        self.assert_exact(self.users)

    def test_a_count_without_rows_is_filled_too(self) -> None:
        UserNotificationsCount.objects.bulk_create([UserNotificationsCount(user=self.users[0], unread_count=9)])
        call_command("notification_recount", verbosity=0)
        self.assert_exact(self.users)

    def test_a_key_whose_rows_go_before_its_turn_is_filled_too(self) -> None:
        recount_next(counter.store(), 2)
        NotificationController(self.users[4]).mark_all_as_read()
        while recount_next(counter.store(), 2) is not None:
            pass
        self.assert_exact(self.users)
        counter.flush()
        self.assert_stored_exact(self.users)

    def test_flushes_fill_it_with_nobodys_help(self) -> None:
        flushed = counter.flush()
        self.assertGreaterEqual(flushed.recounted, 4)
        self.assertTrue(Progress.objects.get(counter=counter.label).backfilled)
        self.assert_exact(self.users)

    def test_one_user_can_be_recounted(self) -> None:
        out = StringIO()
        call_command("notification_recount", user=str(self.users[3].pk), stdout=out)
        self.assertIn(f"key {self.users[3].pk}: stored 0, pending 0, actual 3, corrected by +3", out.getvalue())


class MigrationTest(CounterTestCase):
    def migration(self, *operations: Any) -> Migration:
        migration = Migration("0002_data", "shop")
        migration.dependencies = [("notifications_counter", "0001_initial")]
        migration.operations = list(operations)
        return migration

    def test_after_a_data_migration_that_may_have_changed_rows_they_are_counted_until_they_are_filled(self) -> None:
        (user,) = self.make_users(1)
        notify(user)
        behind_djangos_back(user, 2)
        self.assertEqual(counter.value(user), 1)
        after_migrate("default", plan=[(self.migration(), False)])
        self.assertEqual(counter.value(user), 1)
        with self.assertLogs("notifications_counter", "WARNING") as logs:
            after_migrate("default", plan=[(self.migration(RunPython(RunPython.noop)), False)])
        self.assertIn("notification_recount", logs.output[0])
        self.assertEqual(counter.value(user), 3)
        counter.flush()
        self.assertEqual(counter.value(user), true_count(user))


class MigratedSiteTest(CounterTestCase):
    """Migrations that change rows without a signal, by ``manage.py migrate``."""

    MODELS = """
    class Ticket(models.Model):
        user = models.ForeignKey(User, models.CASCADE)
        closed = models.BooleanField(CLOSED)

    class OpenTickets(models.Model):
        user = owner()
        number = models.BigIntegerField(default=0)
        counter = Counter(Ticket, "user", Q(closed=False))
    """

    READ = "[OpenTickets.counter.value(ada), list(OpenTickets.objects.values_list('number', flat=True))]"

    def setUp(self) -> None:
        super().setUp()
        self.site = Site(self.MODELS.replace("CLOSED", "null=True"))
        self.addCleanup(self.site.close)
        self.site.run(
            """
            ada = User.objects.create(pk=1, username="ada")
            for closed in (False, None, None): Ticket.objects.create(user=ada, closed=closed)
            OpenTickets.counter.flush().error
            """
        )
        self.assertEqual(self.read(), [1, [1]])

    def read(self) -> Any:
        return self.site.run(f"ada = User.objects.get()\n{self.READ}")

    def migration(self, number: int, operations: str) -> None:
        self.site.write(
            f"shop/migrations/{number:04}_more.py",
            f"""
            from django.db import migrations, models
            def count_all(apps, editor): apps.get_model("shop", "Ticket").objects.update(closed=False)
            def fail(apps, editor): raise RuntimeError("too bad")
            class Migration(migrations.Migration):
                dependencies = [("shop", "{number - 1:04}_{"initial" if number == 2 else "more"}")]
                operations = [{operations}]
            """,
        )

    def test_what_a_data_migration_has_committed_is_counted_though_a_later_one_fails(self) -> None:
        self.migration(2, "migrations.RunPython(count_all)")
        self.migration(3, "migrations.RunPython(fail)")
        self.assertIn("too bad", self.site.manage("migrate", "-v0", status=1))
        self.assertEqual(self.read(), [3, [1]])
        self.site.run("OpenTickets.counter.flush().error")
        self.assertEqual(self.read(), [3, [3]])

    def test_rows_whose_null_becomes_the_default_are_counted(self) -> None:
        self.site.deploy(self.MODELS.replace("CLOSED", "default=False"))
        self.migration(2, "migrations.AlterField('Ticket', 'closed', models.BooleanField(default=False))")
        self.site.manage("migrate", "-v0")
        self.assertEqual(self.read(), [3, [1]])

    def test_rows_whose_column_was_made_anew_are_counted(self) -> None:
        add = "migrations.AddField('Ticket', 'closed', models.BooleanField(default=True))"
        self.site.deploy(self.MODELS.replace("CLOSED", "default=True"))
        self.migration(2, f"migrations.RemoveField('Ticket', 'closed'), {add}")
        self.site.manage("migrate", "-v0")
        self.assertEqual(self.read(), [0, [1]])


class AnnotationTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        if uses_redis():
            self.skipTest("its values are not in one database")

    def test_users_carry_their_values_in_one_query(self) -> None:
        users = self.make_users(3)
        for place, user in enumerate(users):
            notify(user, place)
        counter.flush()
        notify(users[0])
        with self.assertNumQueries(1):
            found = {user.pk: user.unread for user in CounterQuerySet(User).with_value(counter, "unread")}
        self.assertEqual(found, counter.values([user.pk for user in users]))
        top = User.objects.annotate(unread=value_of(counter)).filter(unread__gte=2)
        self.assertEqual(list(top), [users[2]])
        Progress.objects.update(backfilled=False)
        behind_djangos_back(users[1], 5)
        self.assertEqual(CounterQuerySet(User).with_value(counter).get(pk=users[1].pk).value, 6)

    def test_uuid_and_text_keys_carry_theirs(self) -> None:
        team = Team.objects.create()
        Ticket.objects.create(team=team)
        Click.counter.add({"https://example.com/": 2})
        Click.objects.create(url="https://example.com/")
        self.assertEqual(CounterQuerySet(Team).with_value(TeamTickets.counter).get().value, 1)
        self.assertEqual(CounterQuerySet(Click).with_value(Click.counter).get().value, 2)


class RedisAnnotationTest(CounterTestCase):
    def test_values_that_wait_in_redis_are_refused_with_what_to_call(self) -> None:
        if uses_redis():
            with self.assertRaisesMessage(AnnotationNotSupported, "values(keys)"):
                CounterQuerySet(User).with_value(counter)
