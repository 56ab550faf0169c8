"""Random operations on rows that are counted by composite keys, compared with a plain COUNT(*) after every step."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Case, CharField, F, Value, When

from tests.capture.test_composite import (
    COUNTERS,
    CompositeTestCase,
    assert_counts,
    by_kind,
    by_thread,
    true_counts,
    visits,
)
from tests.capture.test_random import OPERATIONS, SEEDS, Walk
from tests.shop.models import Message

KINDS = (None, "", "a", "A", "a,b", "a!", "!,", "100%", "a_b")
THREADS = (None, *(uuid.UUID(int=number << 120 | number) for number in range(2)))
UPDATES: list[dict[str, Any]] = [
    {"kind": "a"},
    {"kind": None},
    {"kind": Case(When(kind="a", then=Value("a,b")), default=F("kind"), output_field=CharField())},
    {"thread": THREADS[1]},
    {"has_read": True},
    {"has_read": False, "kind": "!"},
]


class CompositeOperations(Walk):
    """Everything that changes counts with composite keys."""

    day = 0

    def values(self) -> dict[str, Any]:
        choose = self.random.choice
        return {
            "user": choose([None, *self.users, *self.users]),
            "kind": choose(KINDS),
            "thread": choose(THREADS),
            "has_read": self.random.random() < 0.2,
        }

    def some(self, number: int = 5) -> Any:
        pks = list(Message.objects.order_by("pk").values_list("pk", flat=True))
        return Message.objects.filter(pk__in=self.random.sample(pks, min(number, len(pks))))

    def do_create(self) -> None:
        Message.objects.create(**self.values())

    def do_bulk_create(self) -> None:
        Message.objects.bulk_create([Message(**self.values()) for _ in range(self.random.randrange(1, 6))])

    def do_bulk_create_with_conflicts(self) -> None:
        rows = [Message(pk=row.pk, **self.values()) for row in self.some(2)]
        if self.random.random() < 0.5 or connection.vendor == "mysql":
            Message.objects.bulk_create(rows, ignore_conflicts=True)
        else:
            fields = self.random.choice([["kind"], ["user", "has_read"], ["thread"]])
            Message.objects.bulk_create(rows, update_conflicts=True, update_fields=fields, unique_fields=["id"])

    def do_save(self) -> None:
        for row in self.some(2):
            names = self.random.choice([None, ["kind"], ["user", "has_read"], ["thread"]])
            for name, value in self.values().items():
                setattr(row, name, value)
            row.save(update_fields=names)

    def do_update(self) -> None:
        self.some().update(**self.random.choice(UPDATES))

    def do_move(self) -> None:
        self.some().update(user=self.user(), kind=self.random.choice(KINDS))

    def do_bulk_update(self) -> None:
        rows = list(self.some())
        for row in rows:
            row.user, row.kind = self.values()["user"], self.values()["kind"]
        Message.objects.bulk_update(rows, ["user", "kind"], batch_size=2)

    def do_delete(self) -> None:
        self.some(2).delete()

    def do_cascade(self) -> None:
        if self.random.random() < 0.1:
            place = self.random.randrange(len(self.users))
            name = self.users[place].username
            User.objects.get(pk=self.users[place].pk).delete()
            self.users[place] = User.objects.create(username=f"{name}.")

    def do_delete_many(self) -> None:
        if Message.objects.count() > 60:
            self.some(50).delete()

    def do_request_recount(self) -> None:
        by_kind.request_recount([(self.user(), self.random.choice(KINDS[1:]))])

    def do_flush(self) -> None:
        if not self.depth:
            self.random.choice(COUNTERS).flush(chunk_size=self.random.choice([1, None]))

    def do_recount(self) -> None:
        if not self.depth:
            counter = self.random.choice([by_kind, by_thread])
            for found in counter.recount(true_counts(counter)):
                assert not found.difference, found

    def check(self) -> None:
        assert_counts(self.users, f"at depth {self.depth}")


class RandomCompositeTest(CompositeTestCase):
    def test_values_are_counts_after_every_step_and_stored_are_after_a_flush(self) -> None:
        for seed in SEEDS:
            with self.subTest(seed=seed):
                Message.objects.all().delete()
                self.users = [User.objects.create(username=f"{seed} {place}") for place in range(3)]
                walk = CompositeOperations(seed, self.users)
                for step in range(OPERATIONS // len(SEEDS) // 4):
                    name = walk.step()
                    assert_counts(self.users, f"after {name}, step {step}, seed {seed}")
                self.assert_stored_right()

    def test_events_are_what_was_added_after_every_step(self) -> None:
        walk = CompositeOperations(5, [])
        true: dict[Any, int] = {}
        for step in range(OPERATIONS // 20):
            key = ("2026-11-27", walk.random.choice(KINDS[1:]))
            delta = walk.random.choice([1, 2, -1, -2])
            true[key] = true.get(key, 0) + delta
            visits.add({key: delta})
            if walk.random.random() < 0.2:
                visits.flush()
            expected = {page: number for (_, page), number in true.items() if number}
            self.assertEqual(visits.values_of("2026-11-27"), expected, f"step {step}")
            self.assertEqual(visits.value(key), true[key])
