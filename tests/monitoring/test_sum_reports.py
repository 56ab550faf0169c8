"""What is said of sums and done with them besides changing rows: deltas, recounts, audits, status, annotations."""

from __future__ import annotations

import subprocess
import sys
import unittest
from decimal import Decimal, localcontext
from functools import partial
from io import StringIO
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import SimpleTestCase
from django.test.utils import CaptureQueriesContext

from notifications_counter.annotations import CounterQuerySet, value_of
from notifications_counter.exceptions import InvalidDelta
from notifications_counter.ledger.tables import Progress
from tests.capture.test_sums import SumTestCase
from tests.reconciliation.test_audit import audit_within
from tests.shop.models import Download, Purchase, Sizes, Spent, SpentByTriggers, Traffic
from tests.support.base import ROOT, child_environment, uses_redis
from tests.support.parcels import raw

TABLE = Purchase._meta.db_table


def command(name: str, **options: Any) -> str:
    out = StringIO()
    call_command(name, stdout=out, **options)
    return out.getvalue()


class AddTest(SumTestCase):
    def test_integers_and_decimals_can_be_added(self) -> None:
        Spent.prices.add({self.user: 3, self.other: Decimal("0.10")})
        Spent.prices.add({self.user: Decimal("-0.010"), self.other: Decimal("1E+1")})
        expected = {self.user: Decimal("2.99"), self.other: Decimal("10.10")}
        self.assertEqual(Spent.prices.values([self.user, self.other]), expected)
        Spent.prices.flush()
        self.assertEqual(Spent.prices.values([self.user, self.other]), expected)
        self.assertEqual(Spent.objects.get(user=self.user).price, Decimal("2.99"))
        self.assertEqual(async_to_sync(self.read)(), (Decimal("2.99"), {self.other: Decimal("10.10")}))

    async def read(self) -> Any:
        try:
            return await Spent.prices.avalue(self.user), await Spent.prices.avalues([self.other])
        finally:
            await Spent.prices.buffer.aclose()

    def test_what_cannot_be_counted_exactly_is_refused_before_anything_changes(self) -> None:
        wrong: list[Any] = [
            *map(Decimal, ("0.001", "NaN", "Infinity", "1E+400", "90071992547409.92", "-90071992547409.92")),
            *(1.5, "1", None, True, 2**53, 10**400, Decimal(f"1.{'0' * 120}1")),
        ]
        for delta in wrong:
            with self.assertRaisesMessage(InvalidDelta, "at most 2 decimal places, below 90071992547409.92"):
                Spent.prices.add({self.other: 1, self.user: delta})
        for delta in (Decimal(1), 1.0, 2**53):
            with self.assertRaisesMessage(InvalidDelta, "A delta must be an integer below 2**53"):
                Sizes.sizes.add({self.other: 1, self.user: delta})
        self.assertEqual((Spent.prices.value(self.other), Sizes.sizes.value(self.other)), (0, 0))
        Spent.prices.add({self.user: Decimal("90071992547409.91")})
        self.assertEqual(Spent.prices.value(self.user), Decimal("90071992547409.91"))

    def test_a_programs_own_precision_changes_nothing(self) -> None:
        with localcontext(prec=3):
            self.buy("1234567.89")
            Spent.prices.add({self.user: Decimal("0.01")})
            self.assertEqual(str(Spent.prices.value(self.user)), "1234567.90")
            Spent.prices.flush()
            (found,) = Spent.prices.recount([self.user], check=True)
        self.assertEqual((str(found.stored), str(found.difference)), ("1234567.90", "-0.01"))


class MemoryTest(SumTestCase):
    def selects(self, act: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            act()
        own = [each["sql"] for each in queries.captured_queries if each["sql"].startswith("SELECT")]
        return sum(f"FROM {connection.ops.quote_name(TABLE)}" in sql for sql in own)

    def test_a_new_row_is_not_read_back_where_the_database_surely_holds_the_same(self) -> None:
        self.buy("1.00")
        for price in ("1.10", "-3", "1E+2", None):
            self.assertEqual(self.selects(partial(self.buy, price)), 0, price)
        for other in (Decimal("1.100"), Decimal("1.005"), 5, 0.1):
            self.assertEqual(self.selects(partial(self.buy, other)), 1, other)
        self.assertEqual(self.selects(lambda: Purchase.objects.update(price=Decimal("2.5"))), 1)  # that locks the rows
        self.check_sums()


class RawSqlTest(SumTestCase):
    def test_raw_sql_that_changes_only_the_amount_is_summed_by_triggers(self) -> None:
        self.buy("1.10", size=1)
        self.buy("2.20", size=2)
        raw(f"UPDATE {TABLE} SET price = price * 1.5, size = NULL WHERE size = 1")
        raw(f"UPDATE {TABLE} SET price = price - 0.1 WHERE size = 2")
        self.assertEqual(SpentByTriggers.prices.value(self.user), Decimal("3.75"))
        self.assertEqual(SpentByTriggers.costs.value(self.user), Decimal("3.75"))
        self.assertEqual(Sizes.triggers.value(self.user), 2)
        raw(f"UPDATE {TABLE} SET quantity = 0")
        self.assertEqual((SpentByTriggers.costs.value(self.user), Sizes.all_pieces.value(self.user)), (0, 0))
        raw(f"DELETE FROM {TABLE}")
        self.assertEqual((SpentByTriggers.prices.value(self.user), Sizes.triggers.value(self.user)), (0, 0))

    def test_a_change_that_adds_nothing_leaves_no_delta(self) -> None:
        self.buy(None, size=0)
        self.buy("0.00", size=None)
        raw(f"UPDATE {TABLE} SET price = 0, note = 'x'")
        self.assertEqual(SpentByTriggers.prices.status().rows, 0)
        self.assertEqual(Sizes.triggers.status().rows, 0)

    @unittest.skipUnless(connection.vendor == "postgresql", "only PostgreSQL's numbers include what is none")
    def test_what_is_not_a_number_adds_nothing(self) -> None:
        self.buy("1.00")
        raw(f"INSERT INTO {TABLE} (user_id, price, quantity, void, note) VALUES ({self.user.pk}, 'NaN', 1, false, '')")
        Purchase.objects.update(void=True)
        Purchase.objects.update(void=False)
        Spent.prices.recount([self.user])
        for counter in (Spent.prices, SpentByTriggers.prices):
            self.assertEqual(counter.value(self.user), 1)


class RecountTest(SumTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.buy("0.30")
        self.buy("-0.30", user=self.other)
        self.buy("0.30", user=self.other)
        self.flush()
        raw(f"UPDATE {TABLE} SET price = price + 0.05 WHERE user_id = %s", self.user.pk)

    def test_a_recount_finds_and_adds_the_difference(self) -> None:
        found = Spent.prices.recount([self.user, self.other], check=True)
        numbers = [(one.stored, one.pending, one.actual, one.difference) for one in found]
        self.assertEqual(numbers, [(Decimal("0.30"), 0, Decimal("0.35"), Decimal("0.05")), (0, 0, 0, 0)])
        Spent.prices.recount([self.user])
        self.assertEqual(Spent.prices.value(self.user), Decimal("0.35"))
        Spent.prices.flush()
        self.assertEqual(Spent.objects.get(user=self.user).price, Decimal("0.35"))

    def test_the_commands_say_decimals(self) -> None:
        options = {"counter": [Spent.prices.label]}
        out = StringIO()
        with self.assertRaisesMessage(CommandError, "1 count is wrong."):
            call_command("notification_recount", check=True, stdout=out, **options)
        self.assertIn("stored 0.30, pending 0.00, actual 0.35, wrong by +0.05", out.getvalue())
        self.assertIn("2 keys checked, 1 wrong", out.getvalue())
        Spent.prices.recount([self.user])
        status = command("notification_counter_status", **options)
        self.assertIn("sum +0.05", status)
        self.assertIn('"amount": "0.05"', command("notification_counter_status", json=True, **options))
        self.assertIn("1 key changed by +0.05 in", command("notification_update_counter", **options))
        self.assertIn(" 0 corrections", command("notification_recount", **options))
        raw(f"UPDATE {TABLE} SET price = price - 0.02 WHERE user_id = %s", self.user.pk)
        self.assertIn(" 1 corrections", command("notification_recount", **options))
        self.assertEqual(Spent.prices.value(self.user), Decimal("0.33"))

    def test_the_audit_corrects_a_sum_and_says_by_how_much_it_was_wrong(self) -> None:
        with audit_within(0.001), self.assertLogs("notifications_counter", "WARNING") as logs:
            flushed = Spent.prices.flush()
        self.assertEqual((flushed.drifted, flushed.amount), (1, Decimal("0.05")))
        self.assertIn(f"{self.user.pk}: 0.30 instead of 0.35", logs.output[0])
        self.assertEqual(Spent.prices.status().drift_amount, Decimal("0.05"))
        self.assertIn("1 count wrong by 0.05", command("notification_counter_status", counter=[Spent.prices.label]))
        self.assertEqual(Spent.prices.value(self.user), Decimal("0.35"))

    def test_a_source_is_summed_until_it_has_been_backfilled(self) -> None:
        Progress.objects.filter(counter=Spent.prices.label).update(backfilled=False)
        self.assertEqual(Spent.prices.value(self.user), Decimal("0.35"))
        Spent.prices.flush()
        self.assertTrue(Spent.prices.store().snapshot([]).backfilled)
        self.assertEqual(Spent.prices.value(self.user), Decimal("0.35"))


class AnnotationTest(SumTestCase):
    def test_sums_are_annotations_that_can_be_compared(self) -> None:
        self.buy("0.10", size=5)
        self.buy("0.20")
        SpentByTriggers.prices.flush()
        self.buy("0.40", user=self.other)
        self.buy("-0.40", user=self.other)
        counter = SpentByTriggers.prices
        for _ in range(2):
            found = {user.pk: user.value for user in CounterQuerySet(User).with_value(counter)}
            self.assertEqual(found, {user.pk: counter.value(user) for user in self.users})
            self.assertIs(type(found[self.user.pk]), Decimal)
            spent = User.objects.annotate(spent=value_of(counter))
            self.assertEqual(spent.get(spent=Decimal("0.30")), self.user)
            self.assertEqual(spent.get(spent__gt=Decimal("0.29")), self.user)
            self.assertEqual(spent.filter(spent__gt=Decimal("0.30")).count(), 0)
            Progress.objects.filter(counter=counter.label).update(backfilled=False)  # then the rows are summed
        self.assertEqual(User.objects.annotate(size=value_of(Sizes.triggers)).get(size=8), self.user)


class LargeSumTest(SumTestCase):
    """Redis adds up doubles, which are exact below 2**53."""

    def check(self, expected: int) -> None:
        self.assertEqual(Traffic.counter.value(self.user), expected)
        self.assertEqual(Traffic.counter.values([self.user]), {self.user: expected})

    def stored(self, user: User) -> int | None:
        return Traffic.objects.filter(user=user).values_list("bytes", flat=True).first()

    def test_sums_beyond_doubles_are_read_exactly_and_stored_exactly_by_flushes(self) -> None:
        expected = 0
        for number in (2**53 + 1, 2**60 + 3, -(2**53) - 1, 1, 2**53 - 1, 7, -(2**62), 2**61 + 11, 1):
            Download.objects.create(user=self.user, bytes=number)
            expected += number
            self.check(expected)
            if number == 7:
                Traffic.counter.flush()
                self.check(expected)
        with transaction.atomic():
            Download.objects.create(user=self.user, bytes=2**60 + 1)
            self.check(expected + 2**60 + 1)
        for _ in range(3):
            Traffic.counter.flush()
            self.check(expected + 2**60 + 1)
        self.assertEqual(self.stored(self.user), expected + 2**60 + 1)
        self.assertEqual(Traffic.counter.status().recount_requests, 0)
        self.assertEqual(Traffic.counter.recount([self.user])[0].difference, 0)

    def test_a_large_difference_is_corrected_by_recounts(self) -> None:
        Download.objects.create(user=self.user, bytes=2**60 + 1)
        for _ in range(3):
            Traffic.counter.flush()
        raw(f"UPDATE {Traffic._meta.db_table} SET bytes = 5")
        Traffic.counter.recount([self.user])
        for _ in range(3):
            self.check(2**60 + 1)
            Traffic.counter.flush()
        self.assertEqual(self.stored(self.user), 2**60 + 1)

    @unittest.skipIf(uses_redis(), "of the database")
    def test_the_database_needs_no_recount(self) -> None:
        Download.objects.create(user=self.user, bytes=2**60 + 1)
        flushed = Traffic.counter.flush()
        self.assertEqual((flushed.amount, flushed.recounted, self.stored(self.user)), (2**60 + 1, 0, 2**60 + 1))


class CheckTest(SimpleTestCase):
    def test_sums_that_cannot_be_exact_are_said(self) -> None:
        command = [sys.executable, "-m", "django", "check", "--settings=tests.wrong_sums.settings"]
        done = subprocess.run(command, cwd=ROOT, env=child_environment(), capture_output=True, text=True)
        expected = [
            "E030) wrong_sums.NoSource.counter: sum='price' names a column of a source, but there is no source.",
            "E031) wrong_sums.NoColumn.counter: sum: wrong_sums.Bill has no column 'prize'.",
            "E031) wrong_sums.AFloat.counter: sum: 'weight' is neither an integer nor a decimal column.",
            "E031) wrong_sums.NotANumber.counter: sum: 'cents' is neither an integer nor a decimal column.",
            "E032) wrong_sums.DecimalsInInteger.counter: 'total' cannot hold sums of decimals: 'price' is a"
            " DecimalField(9, 2).",
            "E032) wrong_sums.IntegersInDecimal.counter: 'total' is a decimal field, but 'pages' is an integer column.",
            "E032) wrong_sums.FewerPlaces.counter: 'total' is a DecimalField(15, 1) and cannot hold what one row adds:"
            " 'price' is a DecimalField(9, 2).",
            "E032) wrong_sums.FewerDigits.counter: 'total' is a DecimalField(8, 2) and cannot hold",
            "E004) wrong_sums.DecimalWithoutSum.counter: 'total' is a decimal field, for sums only.",
            "E004) wrong_sums.TwoFields.counter: the count model needs one integer or decimal field or field=..., it"
            " has: total, other.",
        ]
        if connection.vendor == "sqlite":
            expected.append("E033) wrong_sums.ManyDigits.counter: SQLite adds up decimals exactly to 15 digits")
        else:
            expected.append("E032) wrong_sums.SmallInteger.counter: 'total' cannot hold what one row adds: 'pages'")
        for sentence in expected:
            self.assertIn(sentence, done.stderr)
        self.assertEqual(done.stderr.count("(notifications_counter.E"), len(expected), done.stderr)
