"""A deployment changes what a counter declares: every process reads by its own, and no wrong number is stored."""

from __future__ import annotations

import unittest
from typing import Any

from django.db import connection
from django.test import TransactionTestCase, tag

from notifications_counter.ledger.tables import Progress
from tests.support.base import CounterTestCase, counter, notify, uses_redis
from tests.support.site import Site

MODELS = """
class Case(models.Model):
    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    boss = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    closed = models.BooleanField(default=False)
    spam = models.BooleanField(default=False)
    hours = models.IntegerField(default=1)

class OpenCases(models.Model):
    owner = owner()
    number = models.BigIntegerField(default=0)
    other = models.BigIntegerField(default=0)
    counter = Counter(Case, {declared})
"""

COUNTS = """
class {name}(models.Model):
    owner = owner()
    number = models.BigIntegerField(default=0)
    other = models.BigIntegerField(default=0)
    counter = Counter(Case, {declared})
"""

OLD = '"owner", Q(closed=False), "number"'
NEW = '"owner", Q(closed=False, spam=False), "number"'

BEGIN = """
a, b = User.objects.create(username="a"), User.objects.create(username="b")
Case.objects.bulk_create([Case(owner=a, boss=b, spam=n < 3) for n in range(10)])
OpenCases.counter.flush(), OpenCases.counter.flush()
OpenCases.counter.value(a)
"""

READ = """
a = User.objects.get(username="a")
OpenCases.counter.value(a)
"""

SAVE = """
a = User.objects.get(username="a")
Case.objects.create(owner=a, spam=True), Case.objects.create(owner=a)
OpenCases.counter.value(a)
"""

TRUE = """
OpenCases.counter.flush(), OpenCases.counter.flush()
a = User.objects.get(username="a")
row = OpenCases.objects.get(pk=a.pk)
[OpenCases.counter.value(a), Case.objects.filter(owner=a, closed=False, spam=False).count(), row.number]
"""


@tag("long")
@unittest.skipIf(connection.vendor == "sqlite" and uses_redis(), "the same with the database buffer, and on PostgreSQL")
class DeploymentTest(TransactionTestCase):
    def site(self, declared: str = OLD, more: str = "") -> Site:
        site = Site(MODELS.format(declared=declared) + more)
        self.addCleanup(site.close)
        return site

    def deploy(self, site: Site, declared: str) -> None:
        site.deploy(MODELS.format(declared=declared))

    def test_a_changed_filter_is_right_at_once_and_backfilled_by_the_flushes(self) -> None:
        site = self.site()
        self.assertEqual(site.run(BEGIN), 10)
        self.deploy(site, NEW)
        self.assertEqual(site.run(READ), 7)
        said = site.manage("notification_counter_status")
        self.assertIn("declaration   changed: reads count the rows", said)
        self.assertIn("its declaration has changed", site.manage("notification_update_counter"))
        self.assertEqual(site.run(TRUE), [7, 7, 7])
        self.assertNotIn("declaration   ", site.manage("notification_counter_status"))
        said = site.manage("notification_update_counter") + site.manage("notification_recount", "--check")
        self.assertNotIn("behind the counter's back", said)

    def test_every_part_of_the_declaration_is_noticed(self) -> None:
        changed = {
            "Key": '"boss", Q(closed=False), "number"',
            "Sum": '"owner", Q(closed=False), "number", sum="hours"',
            "Field": '"owner", Q(closed=False), "other"',
            "Filter": '"owner", Q(closed=False) & ~Q(hours__in=[2, 3]), "number"',
        }
        site = self.site(more="".join(COUNTS.format(name=name, declared=OLD) for name in changed))
        read = "a, b = User.objects.order_by('username')\n[each.counter.value(b if each is Key else a) for each in ALL]"
        read = f"ALL = Key, Sum, Field, Filter\n{read}"
        site.run(BEGIN + "[each.counter.flush() for each in (Key, Sum, Field, Filter)] and None")
        site.run("Case.objects.update(hours=2)")
        models = [COUNTS.format(name=name, declared=declared) for name, declared in changed.items()]
        site.deploy(MODELS.format(declared=OLD) + "".join(models))
        self.assertEqual(site.run(read), [10, 20, 10, 0])
        site.manage("notification_update_counter")
        site.manage("notification_update_counter")
        self.assertEqual(site.run(read), [10, 20, 10, 0])

    def test_the_same_declaration_written_otherwise_is_not_backfilled(self) -> None:
        site = self.site('"owner", Q(closed=False, hours__in=[1, 2]), "number"')
        site.run(BEGIN)
        self.deploy(site, '"owner_id", Q(hours__in=(2, 1), closed=False), "number"')
        self.assertNotIn("its declaration has changed", site.manage("notification_update_counter"))

    def test_migrate_lets_the_new_declaration_take_over(self) -> None:
        site = self.site()
        site.run(BEGIN)
        self.deploy(site, NEW)
        self.assertIn("its declaration has changed", site.manage("migrate"))
        self.assertEqual(site.run(READ), 7)
        self.assertEqual(site.run(TRUE), [7, 7, 7])

    def test_old_processes_that_go_on_leave_nothing_wrong(self) -> None:
        site = self.site()
        site.run(BEGIN)
        save = "a = User.objects.get(username='a')\nbefore = OpenCases.counter.value(a)\nprint(before, flush=True)\n"
        save += "input()\n[Case.objects.create(owner=a, spam=spam) for spam in (True, True, False)]\n"
        old = site.start(save + "OpenCases.counter.value(a)")
        assert old.stdout is not None
        old.stdout.readline()
        self.deploy(site, NEW)
        site.manage("notification_update_counter")
        self.assertEqual(site.run(TRUE), [7, 7, 7])
        site.finish(old)
        self.assertEqual(site.run(READ), 8)
        self.assertEqual(site.run(TRUE), [8, 8, 8])

    def test_new_processes_before_the_first_new_flush_leave_nothing_wrong_either(self) -> None:
        site = self.site()
        site.run(BEGIN)
        self.deploy(site, NEW)
        self.assertEqual(site.run(SAVE), 8)
        self.deploy(site, OLD)
        self.assertEqual(site.run(READ), 12)
        site.manage("notification_update_counter")
        self.assertEqual(site.run(READ), 12)
        self.deploy(site, NEW)
        self.assertEqual(site.run(READ), 8)
        self.assertEqual(site.run(TRUE), [8, 8, 8])

    def test_an_older_process_neither_flushes_nor_recounts(self) -> None:
        site = self.site()
        site.run(BEGIN)
        self.deploy(site, NEW)
        site.manage("notification_update_counter")
        self.deploy(site, OLD)
        said = site.manage("notification_update_counter")
        self.assertIn("shop.OpenCases.counter: passed over", said)
        self.assertIn("this process has an older declaration", said)
        self.assertIn("a newer one makes the counts", site.manage("notification_counter_status"))
        recount = "try: OpenCases.counter.recount([1])\nexcept RecountFailed as error: said = str(error)\nsaid"
        self.assertIn("made by another declaration", site.run(recount))
        self.assertEqual(site.run(READ), 10)
        self.deploy(site, NEW)
        self.assertEqual(site.run(TRUE), [7, 7, 7])

    def test_a_deployment_that_was_taken_back_takes_over_when_the_other_flushes_have_ended(self) -> None:
        site = self.site()
        site.run(BEGIN)
        for declared in (NEW, OLD):
            self.deploy(site, declared)
            site.manage("notification_update_counter")
        site.run(
            "from datetime import timedelta\nfrom django.db.models import F\n"
            "Progress.objects.update(declared_at=F('declared_at') - timedelta(minutes=11))"
        )
        self.assertIn("its declaration has changed", site.manage("notification_update_counter"))
        self.assertNotIn("passed over", site.manage("notification_update_counter"))
        self.assertEqual(site.run(READ), 10)

    def test_a_recount_by_hand_takes_over_at_once(self) -> None:
        site = self.site()
        site.run(BEGIN)
        for declared in (NEW, OLD):
            self.deploy(site, declared)
            site.manage("notification_update_counter")
        site.manage("notification_recount")
        self.assertNotIn("passed over", site.manage("notification_update_counter"))
        self.assertEqual(site.run("OpenCases.objects.get().number"), 10)

    def test_triggers_of_before_are_recounted_until_migrate_replaces_them(self) -> None:
        triggers = ', capture="triggers", buffer="rows"'
        site = self.site(OLD + triggers)
        site.run(BEGIN)
        self.deploy(site, NEW + triggers)
        self.assertEqual(site.run(SAVE), 8)
        self.assertEqual(site.run(TRUE), [8, 8, 8])
        self.assertEqual(site.run(SAVE), 9)
        self.assertEqual(site.run(TRUE), [9, 9, 9])
        site.manage("migrate")
        self.assertEqual(site.run(SAVE), 10)
        self.assertEqual(site.run(TRUE), [10, 10, 10])


class NegativeTest(CounterTestCase):
    def test_a_count_below_zero_is_counted_and_corrected(self) -> None:
        user, other = self.make_users(2)
        notify(user, 2)
        counter.flush()
        self.assertEqual(counter.value(user), 2)
        counter.add({user: -5, other: -1})
        right: dict[Any, int] = {user: 2, other: 0}
        self.assertEqual(counter.values([user, other]), right)
        self.assertEqual((counter.value(user), counter.value(other)), (2, 0))
        counter.flush()
        counter.flush()
        self.assertEqual((self.stored(user), self.stored(other) or 0), (2, 0))

    def test_what_is_not_known_yet_is_taken_for_the_declaration_of_the_process(self) -> None:
        (user,) = self.make_users(1)
        notify(user, 3)
        counter.flush()
        Progress.objects.update(declaration=None)
        counter.flush()
        self.assertEqual(Progress.objects.get(counter=counter.label, shard=0).declaration, counter.store().declaration)
        self.assertEqual(Progress.objects.get(counter=counter.label, shard=0).backfilled, True)
