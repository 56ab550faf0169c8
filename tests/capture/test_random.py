"""Random operations, compared with a plain COUNT(*) after every step."""

import random
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core import serializers
from django.db import connection, transaction
from django.db.models import Case, Value, When

from notifications_counter.buffers import recording
from notifications_counter.controller import NotificationController
from notifications_counter.counters import Counter, counters
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, counter, heavy, notify
from tests.support.walks import OPERATIONS, SEED, seeds

SEEDS = seeds(4)

UPDATES: list[dict[str, Any]] = [
    {"has_read": True},
    {"has_read": False},
    {"has_read": Case(When(has_read=True, then=Value(False)), default=Value(True))},
    {"text": "updated"},
]


class Rollback(Exception):
    pass


class Walk:
    """A random walk over the operations of a class, its methods ``do_...``, also in transactions inside each other."""

    def __init__(self, seed: int, users: list[User]) -> None:
        self.random = random.Random(seed)
        self.users = users
        self.depth = 0

    def step(self) -> str:
        names = [name for name in dir(self) if name.startswith("do_")]
        name = self.random.choice(names)
        getattr(self, name)()
        return name

    def user(self) -> User:
        return self.random.choice(self.users)

    def do_nested(self) -> None:
        if self.depth > 3:
            return
        self.depth += 1
        users = list(self.users)
        try:
            with transaction.atomic(durable=self.depth == 1, savepoint=self.random.random() < 0.9):
                for _ in range(self.random.randrange(1, 6)):
                    self.step()
                    if self.random.random() < 0.5:  # a read also tells the counter of rollbacks
                        self.check()
                if self.random.random() < 0.5:
                    raise Rollback
        except Rollback:
            self.users[:] = users
            if self.depth > 1 and transaction.get_rollback():
                raise
        finally:
            self.depth -= 1

    def check(self) -> None:
        """Compare what the counters say with what the rows say."""
        raise NotImplementedError


class RandomOperations(Walk):
    """Everything that changes the counts of notifications."""

    def some(self, **filters: Any) -> Notification | None:
        found = list(Notification.objects.filter(user=self.user(), **filters).order_by("pk")[:20])
        return self.random.choice(found) if found else None

    def some_pks(self, number: int) -> list[int]:
        """Of anybody's rows, most of them."""
        pks = list(Notification.objects.order_by("pk").values_list("pk", flat=True))
        return self.random.sample(pks, min(number, len(pks)))

    def do_create(self) -> None:
        notify(self.user(), has_read=self.random.random() < 0.2)

    def do_bulk_create(self) -> None:
        number = self.random.randrange(1, 9)
        rows = [Notification(user=self.user(), text="bulk", has_read=self.random.random() < 0.3) for _ in range(number)]
        Notification.objects.bulk_create(rows, batch_size=self.random.choice([None, 2]))

    def do_mark(self) -> None:
        if found := self.some():
            expected = not found.has_read and True
            assert NotificationController(found.user_id).mark_as_read(found.pk) is expected

    def do_mark_of_somebody_else(self) -> None:
        if found := self.some(has_read=False):
            other = next(user for user in self.users if user.pk != found.user_id)
            assert NotificationController(other).mark_as_read(found.pk) is False

    def do_mark_all(self) -> None:
        if self.random.random() < 0.2:
            user = self.user()
            unread = Notification.objects.of(user).unread().count()
            assert NotificationController(user).mark_all_as_read() == unread

    def do_mark_many(self) -> None:
        Notification.objects.filter(user=self.user(), pk__in=self.some_pks(25)).mark_as_read()

    def do_update(self) -> None:
        rows = Notification.objects.filter(user=self.user(), pk__in=self.some_pks(25))
        rows.update(**self.random.choice(UPDATES), **({"user": self.user()} if self.random.random() < 0.3 else {}))

    def do_bulk_update(self) -> None:
        rows = list(Notification.objects.filter(user=self.user())[:5])
        for row in rows:
            row.has_read = self.random.random() < 0.5
            row.user = self.user()
        Notification.objects.bulk_update(rows, ["has_read", "user"], batch_size=2)

    def do_bulk_create_with_conflicts(self) -> None:
        # Each once: PostgreSQL changes no row twice in one statement.
        pks = dict.fromkeys([*self.some_pks(2), 10**6 + self.random.randrange(1, 300)])
        rows = [Notification(pk=pk, user=self.user(), text="c", has_read=self.random.random() < 0.5) for pk in pks]
        if self.random.random() < 0.5:
            Notification.objects.bulk_create(rows, ignore_conflicts=True)
        else:
            unique = {} if connection.vendor == "mysql" else {"unique_fields": ["id"]}
            fields = self.random.choice([["has_read"], ["has_read", "user"], ["text"]])
            Notification.objects.bulk_create(rows, update_conflicts=True, update_fields=fields, **unique)

    def do_get_or_create(self) -> None:
        text = f"by name {self.random.randrange(6)}"
        found = Notification.objects.filter(text=text)
        if found.count() > 1:
            found.delete()
        fields = {"user": self.user(), "has_read": self.random.random() < 0.5}
        method = self.random.choice(["get_or_create", "update_or_create"])
        getattr(Notification.objects, method)(text=text, defaults=fields)

    def do_related(self) -> None:
        inbox = self.user().inbox_notifications
        if found := self.some():
            inbox.add(found, bulk=self.random.random() < 0.5)
        inbox.create(text="related")

    def do_asynchronous(self) -> None:
        async_to_sync(self.asynchronously)(self.user(), self.some(), self.random.random() < 0.5)

    async def asynchronously(self, user: User, found: Notification | None, one: bool) -> None:
        if found is None:
            await Notification.objects.acreate(user=user, text="asynchronous")
        elif one:
            found.has_read = not found.has_read
            await found.asave()
        else:
            await Notification.objects.filter(user_id=found.user_id, has_read=False).aupdate(has_read=True)

    def do_explicit_key(self) -> None:
        pk = self.random.choice([*self.some_pks(2), 10**6 + self.random.randrange(1, 300)])
        Notification(pk=pk, user=self.user(), text="given", has_read=self.random.random() < 0.5).save()

    def do_fixture(self) -> None:
        rows = Notification.objects.filter(pk__in=self.some_pks(3))
        fixture = serializers.serialize("json", rows)
        if self.random.random() < 0.5:
            rows.delete()
        else:
            rows.update(has_read=True)
        for loaded in serializers.deserialize("json", fixture):
            loaded.save()

    def do_cascade(self) -> None:
        if self.random.random() < 0.1:
            place = self.random.randrange(len(self.users))
            name = self.users[place].username
            User.objects.get(pk=self.users[place].pk).delete()
            self.users[place] = User.objects.create(username=f"{name}.")

    def do_recount(self) -> None:
        if not self.depth:
            counter.recount(self.users)

    def do_delete(self) -> None:
        if found := self.some():
            found.delete()

    def do_delete_stale(self) -> None:
        if found := self.some(has_read=False):
            pk = found.pk
            NotificationController(found.user_id).mark_as_read(pk)
            found.delete()
            found.pk = pk
            found.delete()

    def do_delete_many(self) -> None:
        if self.random.random() < 0.3:
            Notification.objects.filter(user=self.user(), pk__in=self.some_pks(40)).delete()

    def do_save_flip(self) -> None:
        if found := self.some():
            found.has_read = not found.has_read
            found.save(update_fields=self.random.choice([None, ["has_read"], ["has_read", "text"]]))

    def do_save_without_flip(self) -> None:
        if found := self.some():
            found.text = "changed"
            found.save(update_fields=self.random.choice([None, ["text"]]))

    def do_save_owner(self) -> None:
        if found := self.some():
            found.user = self.user()
            found.save()

    def do_flush(self) -> None:
        if not self.depth:
            counter.flush(chunk_size=self.random.choice([1, 3, None]))

    def check(self) -> None:
        for user in self.users:
            true = Notification.objects.filter(user=user, has_read=False).count()
            value = counter.value(user)
            assert value == true, f"value {value}, COUNT(*) {true} of {user}"


def counters_of_notifications() -> list[Counter]:
    return [each for each in counters() if each.source is Notification and each.capture == "signals"]


@heavy
class RandomOperationsTest(CounterTestCase):
    def test_value_is_count_after_every_step_and_stored_is_after_a_flush(self) -> None:
        asked: list[int] = []
        request_recount = recording.request_recount

        def noted(counter: Counter, *arguments: Any) -> None:
            asked.append(1)
            request_recount(counter, *arguments)

        with mock.patch.object(recording, "request_recount", noted):
            self.walk()
        share = len(asked) / len(counters_of_notifications()) / OPERATIONS
        print(f"NC_SEED={SEED}: {OPERATIONS} random operations, {share:.1%} asked for a recount")

    def walk(self) -> None:
        for seed in SEEDS:
            with self.subTest(seed=seed):
                Notification.objects.all().delete()
                users = [User.objects.create(username=f"{seed} {place}") for place in range(4)]
                walk = RandomOperations(seed, users)
                for place in range(OPERATIONS // len(SEEDS)):
                    name = walk.step()
                    self.assert_exact(users, f"after {name}, step {place}, seed {seed}")
                    if name == "do_flush":
                        self.assert_stored_exact(users, f"step {place}, seed {seed}")
                counter.flush()
                self.assert_stored_exact(users, f"seed {seed}")
