"""Counters that add a column's values: integers and decimals, by signals and by triggers."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db.models import DecimalField, F, Sum
from django.db.models.functions import Round

from notifications_counter.counters import Counter
from tests.shop.models import Order, Ordered, Purchase, Sizes, Spent, SpentByTriggers
from tests.support.base import CounterTestCase

COUNTERS: list[Counter] = [
    *(Spent.prices, Spent.all_prices, SpentByTriggers.prices, SpentByTriggers.costs),
    *(Sizes.sizes, Sizes.triggers, Sizes.quantities, Sizes.all_pieces),
]


def plain_sums(users: Iterable[User]) -> list[dict[User, Any]]:
    """What the rows of users come to, for each of ``COUNTERS``."""
    sums = {f"sum{place}": _sum(counter) for place, counter in enumerate(COUNTERS)}
    found = {row["user"]: row for row in Purchase.objects.order_by().values("user").annotate(**sums)}
    return [{user: _rounded(found.get(user.pk, {}).get(name)) for user in users} for name in sums]


def _sum(counter: Counter) -> Sum:
    assert counter.sum is not None
    is_decimal = isinstance(counter.summed_column, DecimalField)
    # SQLite keeps more decimal places than a column has, and adds up floating-point numbers.
    return Sum(Round(F(counter.sum), precision=2) if is_decimal else F(counter.sum), filter=counter.filter or None)


def _rounded(found: Any) -> Any:
    return round(found, 2) if isinstance(found, Decimal) else found or 0


def assert_sums(users: Iterable[User], said: object = "") -> None:
    """The values of all counters are what the rows say."""
    users = list(users)
    for counter, true in zip(COUNTERS, plain_sums(users), strict=True):
        assert counter.store().snapshot([]).backfilled, f"{counter.label} is not backfilled: its value would be a SUM"
        found = counter.values(users)
        assert found == true, f"{counter}: {found}, SUM {true} {said}"


class SumTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(3)
        self.user, self.other = self.users[:2]

    def check_sums(self, said: object = "") -> None:
        assert_sums(self.users, said)

    def flush(self) -> None:
        for counter in COUNTERS:
            counter.flush()

    def buy(self, price: Any = "1.10", **values: Any) -> Purchase:
        price = Decimal(price) if isinstance(price, str) else price
        return Purchase.objects.create(**{"user": self.user, "price": price, "size": 3} | values)


class SumTest(SumTestCase):
    def tearDown(self) -> None:
        self.check_sums("at the end")
        self.flush()
        self.check_sums("after a flush")
        super().tearDown()

    def test_a_sum_is_read_as_its_column_is(self) -> None:
        self.buy("0.10", size=2)
        self.buy("0.20", size=None)
        self.buy(None, size=2**31 - 1)
        self.assertEqual(Sizes.sizes.value(self.user), 2**31 + 1)
        self.assertIs(type(Sizes.sizes.value(self.user)), int)
        for counter in (Spent.prices, SpentByTriggers.prices):
            value = counter.value(self.user)
            self.assertEqual((value, type(value)), (Decimal("0.30"), Decimal))
            self.assertEqual(counter.values([self.user, self.other]), {self.user: Decimal("0.30"), self.other: 0})

    def test_saves_updates_and_deletes_move_the_difference(self) -> None:
        purchase = self.buy("5.00", quantity=3)
        self.assertEqual(SpentByTriggers.costs.value(self.user), 15)
        purchase.price = Decimal("7.25")
        purchase.save(update_fields=["price"])
        self.check_sums()
        self.assertEqual(Spent.prices.value(self.user), Decimal("7.25"))
        for values in (
            {"price": Decimal("0.01")},
            {"price": F("price") + Decimal("2.50")},
            {"price": F("price") / 3},
            {"price": None, "size": None},
            {"price": 4},
            {"price": "4.5"},
            {"price": 4.25, "size": F("quantity") + 1},
            {"void": True},
            {"void": False, "user": self.other},
            {"quantity": 0},
        ):
            Purchase.objects.update(**values)
            self.check_sums(values)
        Purchase.objects.all().delete()
        self.check_sums()

    def test_what_a_database_rounds_is_counted_as_it_holds_it(self) -> None:
        for price in (Decimal("1.005"), Decimal("2.675000"), Decimal("1E+2"), 5, "7.1", 0.1, Decimal("-0.015")):
            self.buy(price, quantity=0)
            self.check_sums(price)
        rows = [Purchase(user=self.user, price=price) for price in (Decimal("1.005"), Decimal("1.1"), 3, "8")]
        Purchase.objects.bulk_create(rows)
        self.check_sums()
        for row in rows:
            row.price = Decimal("0.995")
        Purchase.objects.bulk_update(rows, ["price"])
        self.check_sums()

    def test_negative_amounts_and_a_sum_of_zero_are_sums_as_any_other(self) -> None:
        self.buy("-3.30", size=-7)
        self.check_sums()
        self.buy("3.30", size=7)
        self.assertEqual(Spent.prices.value(self.user), 0)
        self.flush()
        self.buy("0.00", size=0, user=self.other)

    def test_a_count_row_that_is_deleted_or_changed_by_hand_changes_no_value(self) -> None:
        self.buy("8.80")
        self.flush()
        row = Spent.objects.get(user=self.user)
        self.assertEqual((row.price, row.all), (Decimal("8.80"), Decimal("8.800")))
        row.price = Decimal("0.05")
        row.save()
        self.check_sums()
        row.delete()
        self.check_sums()
        self.flush()
        self.assertEqual(Spent.objects.get(user=self.user).price, Decimal("8.80"))

    def test_a_column_that_the_database_works_out_is_summed(self) -> None:
        order = Order.objects.create(user=self.user, price=Decimal("0.10"), quantity=3)
        self.assertEqual(Ordered.counter.value(self.user), Decimal("0.30"))
        order.quantity = 4
        order.save(update_fields=["quantity"])
        Order.objects.bulk_create(
            [Order(user=self.user, price=Decimal("1.15"), quantity=2), Order(user=self.other, price=1)]
        )
        self.assertEqual(Ordered.counter.value(self.user), Decimal("2.70"))
        Order.objects.update(price=F("price") * 2)
        self.assertEqual(list(Ordered.counter.values(self.users).values()), [Decimal("5.40"), 2, 0])
        Ordered.counter.flush()
        order.delete()
        Order.objects.filter(user=self.other).delete()
        self.assertEqual(list(Ordered.counter.values(self.users).values()), [Decimal("4.60"), 0, 0])

    def test_many_small_decimals_add_up_exactly(self) -> None:
        Purchase.objects.bulk_create([Purchase(user=self.user, price=Decimal("0.10")) for _ in range(500)])
        for place in range(30):
            self.buy(f"0.{place:02}")
            Spent.prices.flush(chunk_size=1)
            SpentByTriggers.prices.flush(chunk_size=1)
        self.assertEqual(Spent.prices.value(self.user), Decimal("54.35"))
        self.assertEqual(Spent.objects.get(user=self.user).price, Decimal("54.35"))
