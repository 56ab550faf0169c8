"""Random operations on rows whose columns are summed, compared with a plain SUM after every step."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Case, F, Value, When

from tests.capture.test_random import OPERATIONS, SEEDS, Walk
from tests.capture.test_sums import COUNTERS, SumTestCase, assert_sums, plain_sums
from tests.shop.models import Purchase
from tests.support.base import heavy

#: What a column of two decimal places holds, and what a database rounds to it.
PRICES = (None, 5, "7.1", 0.25, *map(Decimal, ("0.00", "0.10", "-0.10", "19.99", "1.5", "1.005", "-9999999.99")))
UPDATES: list[dict[str, Any]] = [
    {"price": Decimal("3.33")},
    {"price": 4, "size": 1},
    {"price": F("price") / 3, "size": F("size") * -1},
    {"price": F("price") * Decimal("0.1"), "quantity": F("quantity") + 1},
    {"price": None},
    {"size": None, "price": Case(When(void=True, then=Value(Decimal("1.10"))), default=F("price"))},
    {"void": True},
    {"void": False, "quantity": 0},
    {"note": "other"},
]


class SumOperations(Walk):
    """Everything that changes sums."""

    def values(self) -> dict[str, Any]:
        choose = self.random.choice
        return {
            "user": choose([None, *self.users]),
            "price": choose(PRICES),
            "size": choose([None, 0, 7, -7, 2**31 - 1, 1 - 2**31]),
            "quantity": self.random.randrange(4),
            "void": self.random.random() < 0.2,
        }

    def some(self, number: int = 5) -> Any:
        pks = list(Purchase.objects.order_by("pk").values_list("pk", flat=True))
        return Purchase.objects.filter(pk__in=self.random.sample(pks, min(number, len(pks))))

    def do_create(self) -> None:
        Purchase.objects.create(**self.values())

    def do_bulk_create(self) -> None:
        Purchase.objects.bulk_create([Purchase(**self.values()) for _ in range(self.random.randrange(1, 6))])

    def do_bulk_create_with_conflicts(self) -> None:
        rows = [Purchase(pk=row.pk, **self.values()) for row in self.some(2)] + [Purchase(**self.values())]
        if self.random.random() < 0.5 or connection.vendor == "mysql":
            Purchase.objects.bulk_create([row for row in rows if row.pk], ignore_conflicts=True)
        else:
            fields = self.random.choice([["price"], ["size", "user"]])
            Purchase.objects.bulk_create(rows[:-1], update_conflicts=True, update_fields=fields, unique_fields=["id"])

    def do_save(self) -> None:
        for row in self.some(2):
            names = self.random.choice([None, ["price"], ["size", "void"], ["user"], ["note"], ["quantity"]])
            for name, value in self.values().items():
                setattr(row, name, value)
            row.save(update_fields=names)

    def do_save_again(self) -> None:
        """An instance that holds what the database has rounded since."""
        row = Purchase(**self.values())
        row.save()
        row.note = "again"
        row.save()

    def do_update(self) -> None:
        self.some().update(**self.random.choice(UPDATES))

    def do_update_of_one_user(self) -> None:
        Purchase.objects.filter(user=self.user()).update(**self.random.choice(UPDATES))

    def do_move(self) -> None:
        self.some().update(user=self.user(), price=self.random.choice(PRICES))

    def do_bulk_update(self) -> None:
        rows = list(self.some())
        for row in rows:
            row.price, row.size = self.values()["price"], self.values()["size"]
        Purchase.objects.bulk_update(rows, ["price", "size"], batch_size=2)

    def do_delete(self) -> None:
        self.some(2).delete()

    def do_delete_one(self) -> None:
        if found := self.some(1).first():
            found.delete()

    def do_cascade(self) -> None:
        if self.random.random() < 0.1:
            place = self.random.randrange(len(self.users))
            name = self.users[place].username
            User.objects.get(pk=self.users[place].pk).delete()
            self.users[place] = User.objects.create(username=f"{name}.")

    def do_delete_many(self) -> None:
        if Purchase.objects.count() > 60:
            self.some(50).delete()

    def do_flush(self) -> None:
        if not self.depth:
            self.random.choice(COUNTERS).flush(chunk_size=self.random.choice([1, None]))

    def do_recount(self) -> None:
        if not self.depth:
            for found in self.random.choice(COUNTERS).recount(self.users):
                assert not found.difference, found

    def check(self) -> None:
        assert_sums(self.users, f"at depth {self.depth}")


@heavy
class RandomSumsTest(SumTestCase):
    def test_values_are_sums_after_every_step_and_stored_are_after_a_flush(self) -> None:
        for seed in SEEDS:
            with self.subTest(seed=seed):
                Purchase.objects.all().delete()
                self.users = [User.objects.create(username=f"{seed} {place}") for place in range(3)]
                walk = SumOperations(seed, self.users)
                for step in range(OPERATIONS // len(SEEDS) // 4):
                    name = walk.step()
                    assert_sums(self.users, f"after {name}, step {step}, seed {seed}")
                self.flush()
                self.check_stored(f"seed {seed}")

    def check_stored(self, said: str) -> None:
        for counter, true in zip(COUNTERS, plain_sums(self.users), strict=True):
            stored = dict(counter.model._base_manager.values_list("pk", counter.field.attname))
            self.assertEqual({user: stored.get(user.pk, 0) for user in self.users}, true, f"{counter} {said}")
