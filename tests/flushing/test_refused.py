"""One count that its table refuses keeps no other key, and one bad counter no other counter, from its turn."""

from __future__ import annotations

import re

from django.db import connection
from django.test import TransactionTestCase, tag

from notifications_counter.ledger.tables import Delta
from tests.support.base import CounterTestCase, counter, notify
from tests.support.site import Site

MODELS = """
class Like(models.Model):
    user = models.ForeignKey(User, models.CASCADE)

class Checked(models.Model):
    user = owner()
    number = models.BigIntegerField(default=0)
    counter = Counter(Like, "user")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(number__gte=0, number__lte=MOST), name="few")]
""".replace("MOST", "5")

SMALL = """
class Small(models.Model):
    user = owner()
    number = models.SmallIntegerField(default=0)
    counter = Counter(Like, "user")
"""

BEGIN = """
users = User.objects.bulk_create([User(username=f"u{n}") for n in range(40)])
ids = list(User.objects.order_by("username").values_list("pk", flat=True))
Like.objects.bulk_create([Like(user_id=pk) for pk in ids])
"""

STATE = """
from django.db.models import Count
ids = list(User.objects.values_list("pk", flat=True))
true = dict(Like.objects.values_list("user").annotate(n=Count("pk")))
stored = dict(Checked.objects.values_list("user", "number"))
wrong = [pk for pk in ids if stored.get(pk, 0) != true.get(pk, 0)]
assert Checked.counter.values(ids) == {pk: true.get(pk, 0) for pk in ids}
sorted(User.objects.filter(pk__in=wrong).values_list("username", flat=True))
"""


@tag("long")
class RefusedTest(TransactionTestCase):
    def site(self, models: str = MODELS) -> Site:
        site = Site(models)
        self.addCleanup(site.close)
        return site

    def test_keys_that_the_table_refuses_are_set_aside_named_and_tried_again(self) -> None:
        site = self.site()
        bad = (
            "bad = User.objects.filter(username__in=['u7', 'u31'])\n"
            "Like.objects.bulk_create([Like(user=user) for user in bad for _ in range(9)])"
        )
        site.run(f"{BEGIN}\n{bad}\nNone")
        said = site.manage("notification_update_counter", status=1)
        self.assertEqual(site.run(STATE), ["u31", "u7"])
        self.assertEqual(len(set(re.findall("the key '[0-9]+' was set aside, because the table", said))), 2)
        status = site.manage("notification_counter_status")
        self.assertEqual(status.count("    set aside     '"), 2)

        # More deltas of the same keys and others: those that were set aside cost nothing now.
        site.run(f"{bad}\nLike.objects.create(user=User.objects.get(username='u1'))\nNone")
        said = site.manage("notification_update_counter", status=1)
        self.assertNotIn("was set aside", said)
        self.assertEqual(site.run(STATE), ["u31", "u7"])

        # The table takes one of them again.
        site.run("[Like.objects.filter(user__username='u7')[3].delete() for _ in range(16)]\nNone")
        site.run("u = User.objects.get(username='u7')\nChecked.counter.recount([u])\nNone")
        site.manage("notification_update_counter", status=1)
        self.assertEqual(site.run(STATE), ["u31"])
        site.run("Like.objects.filter(user__username='u31').delete()\nNone")
        site.manage("notification_recount")
        site.manage("notification_update_counter")
        self.assertEqual(site.run(STATE), [])
        self.assertNotIn("set aside", site.manage("notification_counter_status"))

    def test_from_two_to_one_passes_a_constraint_that_no_count_be_negative(self) -> None:
        site = self.site()
        site.run(BEGIN + "Like.objects.create(user_id=ids[0])\nNone")
        site.manage("notification_update_counter")
        site.run("like = Like.objects.last()\nlike.delete()\nNone")
        self.assertNotIn("set aside", site.manage("notification_update_counter"))
        self.assertEqual(site.run(STATE), [])

    def test_what_may_refuse_counts_is_said_by_check(self) -> None:
        said = self.site(MODELS + SMALL).manage("check")
        self.assertIn("W053) shop.Checked.counter: the constraint 'few' may refuse counts", said)
        self.assertIn("W052) shop.Small.counter: 'number' is a SmallIntegerField", said)

    def test_small_columns_set_only_their_own_keys_aside(self) -> None:
        if connection.vendor != "postgresql":  # SQLite's columns take all
            return
        site = self.site(MODELS + SMALL)
        site.run(BEGIN + "Small.counter.add({ids[3]: 40_000})\nNone")
        site.manage("notification_update_counter", status=1)
        self.assertEqual(site.run("Small.objects.count()"), 39)


@tag("long")
class BadCounterTest(CounterTestCase):
    def test_a_recount_request_of_what_is_no_key_keeps_nothing_from_being_flushed(self) -> None:
        (user,) = self.make_users(1)
        notify(user, 2)
        Delta.objects.create(counter=counter.label, key="nobody")
        result = counter.flush()
        self.assertFalse(result.ok)
        self.assertIn("'nobody' cannot be a key", result.problems[0])
        self.assertEqual(self.stored(user), 2)
        self.assertTrue(counter.flush().ok)

    def test_a_counter_that_fails_keeps_no_other_from_its_turn(self) -> None:
        site = Site(MODELS + SMALL)
        self.addCleanup(site.close)
        rename = "connection.cursor().execute('ALTER TABLE shop_checked RENAME COLUMN number TO gone')"
        site.run(f"{BEGIN}from django.db import connection\n{rename}\nNone")
        said = site.manage("notification_update_counter", status=1)
        self.assertIn("shop.Checked.counter", said)
        self.assertEqual(site.run("Small.objects.count()"), 40)
        said = site.manage("notification_recount", status=1)
        self.assertIn("shop.Checked.counter", said)
        self.assertIn("shop.Small.counter: 80 recounts", said)
