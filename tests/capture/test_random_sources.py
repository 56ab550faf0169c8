"""Random operations on sources with composite primary keys and on a many-to-many table, against ``COUNT(*)``."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import F

from notifications_counter.counters import Counter
from tests.capture.test_moved_keys import COUNTERS
from tests.capture.test_random import SEEDS, Walk
from tests.shop.models import GroupMembers, Invoice, first_user
from tests.support.base import CounterTestCase, heavy
from tests.support.walks import OPERATIONS, SEED


class SourceOperations(Walk):
    """What changes invoices, whose owner is a part of their primary key, and the members of groups."""

    def __init__(self, seed: int, users: list[User], groups: list[Group]) -> None:
        super().__init__(seed, users)
        self.groups = groups
        self.number = seed % 1000 * 1000

    def next_number(self) -> int:
        self.number += 1
        return self.number

    def values(self) -> dict[str, Any]:
        choose = self.random.choice
        return {"state": choose(["open", "void"]), "total": choose([1, 9, 10, 20, 100]), "labels": choose([[], ["x"]])}

    def invoice(self) -> Invoice:
        return Invoice(user=self.user(), number=self.next_number(), **self.values())

    def some(self, number: int = 4) -> Any:
        pks = sorted(Invoice.objects.values_list("pk", flat=True))
        return Invoice.objects.filter(pk__in=self.random.sample(pks, min(number, len(pks))))

    def do_create(self) -> None:
        self.invoice().save()

    def do_bulk_create(self) -> None:
        Invoice.objects.bulk_create([self.invoice() for _ in range(self.random.randrange(1, 5))])

    def do_conflicts(self) -> None:
        rows = [self.invoice(), *(Invoice(pk=row.pk, **self.values()) for row in self.some(2))]
        if self.random.random() < 0.5:
            Invoice.objects.bulk_create(rows, ignore_conflicts=True)
        else:
            unique: dict[str, Any] = {} if connection.vendor == "mysql" else {"unique_fields": ["user", "number"]}
            Invoice.objects.bulk_create(rows, update_conflicts=True, update_fields=["state", "total"], **unique)

    def do_save(self) -> None:
        for row in self.some(2):
            vars(row).update(self.values())
            row.save(update_fields=self.random.choice([None, ["state"], ["total", "labels"]]))

    def do_save_under_another_key(self) -> None:
        for row in self.some(1):
            row.number = self.next_number()
            row.save()

    def do_move(self) -> None:
        self.some().update(user=self.user(), **self.random.choice([{}, self.values()]))

    def do_compute_the_key(self) -> None:
        self.some().update(number=F("number") + self.random.randrange(1, 9) * 1_000_000)

    def do_update(self) -> None:
        self.some().update(**self.values())

    def do_delete(self) -> None:
        self.some(2).delete()

    def do_delete_many(self) -> None:
        if Invoice.objects.count() > 40:
            self.some(30).delete()

    def do_cascade(self) -> None:
        place = self.random.randrange(len(self.users))
        user = self.users[place]
        if self.random.random() < 0.2 and user != first_user():  # who gets the invoices
            User.objects.get(pk=user.pk).delete()
            self.users[place] = User.objects.create(username=f"{user.username}.")

    def do_members(self) -> None:
        members, chosen = self.random.choice(self.groups).user_set, self.random.sample(self.users, 2)
        act = self.random.choice(
            [lambda: members.add(*chosen), lambda: members.remove(*chosen), lambda: members.set(chosen), members.clear]
        )
        act()

    def do_groups(self) -> None:
        groups, chosen = self.user().groups, self.random.sample(self.groups, 1)
        act = self.random.choice([lambda: groups.add(*chosen), lambda: groups.set(chosen), groups.clear])
        act()

    def do_through(self) -> None:
        user, group = self.user(), self.random.choice(self.groups)
        through = User.groups.through.objects.filter(user=user)
        if not through.filter(group=group).exists():
            through.filter(pk__in=[row.pk for row in through[:1]]).update(group=group)

    def do_flush(self) -> None:
        if not self.depth:
            self.random.choice([*COUNTERS, GroupMembers.counter]).flush(chunk_size=self.random.choice([1, None]))

    def check(self) -> None:
        for counter in COUNTERS:
            check(counter, self.users)
        check(GroupMembers.counter, self.groups)


def check(counter: Counter, keys: list[Any]) -> None:
    assert counter.source is not None
    rows = counter.source._base_manager.filter(counter.filter)
    true = {key: rows.filter(**{str(counter.source_key): key}).count() for key in keys}
    assert counter.values(keys) == true, f"{counter.label}: {counter.values(keys)}, COUNT(*) {true}"


@heavy
class RandomSourcesTest(CounterTestCase):
    def test_values_are_counts_after_every_step(self) -> None:
        for seed in SEEDS:
            with self.subTest(seed=seed):
                Invoice.objects.all().delete()
                first = [User.objects.create(username=f"{seed} {place}") for place in range(4)]
                walk = SourceOperations(seed, first, [Group.objects.create(name=f"{seed} {n}") for n in range(3)])
                for place in range(OPERATIONS // len(SEEDS) // 2):
                    name = walk.step()
                    try:
                        walk.check()
                    except AssertionError as error:
                        raise AssertionError(f"{error} after {name}, step {place}, NC_SEED={SEED}") from None
