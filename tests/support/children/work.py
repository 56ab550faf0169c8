"""What a process does that is to be killed, or to meet failing servers: it changes and reads counts, or flushes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from notifications_counter.controller import NotificationController
from notifications_counter.exceptions import CountingConflict
from notifications_counter.ledger import progress
from notifications_counter.models import Notification, UserNotificationsCount
from tests.testapp.models import ReadNotifications

#: Two counters over one source.
COUNTERS = (UserNotificationsCount.counter, ReadNotifications.counter)


class Writer:
    """Changes and reads at random.

    Args:
        seed: of the random choices.
        user_ids: whose notifications are changed.
        asks: whether it asks for recounts, too.
    """

    def __init__(self, seed: int, user_ids: Sequence[int], asks: bool = False) -> None:
        self.random = random.Random(seed)
        self.user_ids = user_ids
        changes = [self.create, self.create, self.create_many, self.mark, self.mark_all, self.flip, self.move]
        self.changes: list[Callable[[], Any]] = [*changes, self.delete, self.delete_many]
        self.steps = [self.change, self.change, self.several, self.roll_back, self.roll_back_inner, self.read]
        self.steps += [self.ask] if asks else []

    def step(self) -> None:
        try:
            self.random.choice(self.steps)()
        except (CountingConflict, IntegrityError):  # others were faster five times, or in saving a row that was deleted
            pass
        except DatabaseError as error:
            if "deadlock" not in str(error).lower():  # the database ends one of two that wait for each other
                raise
        time.sleep(self.random.random() / 100)

    def user(self) -> int:
        return self.random.choice(self.user_ids)

    def pks(self, number: int, user_id: int | None = None) -> list[int]:
        rows = Notification.objects.filter(user=user_id or self.user())
        found = list(rows.values_list("pk", flat=True)[:20])
        return self.random.sample(found, min(number, len(found)))

    def change(self) -> None:
        self.random.choice(self.changes)()

    def create(self) -> None:
        Notification.objects.create(user_id=self.user(), text="one", has_read=self.random.random() < 0.1)

    def create_many(self) -> None:
        Notification.objects.bulk_create([Notification(user_id=self.user(), text="one of many") for _ in range(4)])

    def mark(self) -> None:
        user_id = self.user()
        for pk in self.pks(1, user_id):
            NotificationController(user_id).mark_as_read(pk)

    def mark_all(self) -> None:
        NotificationController(self.user()).mark_all_as_read()

    def flip(self) -> None:
        for row in Notification.objects.filter(pk__in=self.pks(1)):
            row.has_read = not row.has_read
            row.save()

    def move(self) -> None:
        Notification.objects.filter(pk__in=self.pks(2)).update(user_id=self.user(), has_read=False)

    def delete(self) -> None:
        for row in Notification.objects.filter(pk__in=self.pks(1)):
            row.delete()

    def delete_many(self) -> None:
        Notification.objects.filter(pk__in=self.pks(4)).delete()

    def several(self) -> None:
        with transaction.atomic():
            self.change()
            COUNTERS[0].value(self.user())
            time.sleep(self.random.random() / 10)
            self.change()

    def roll_back(self) -> None:
        with transaction.atomic():
            self.change()
            transaction.set_rollback(True)

    def roll_back_inner(self) -> None:
        with transaction.atomic():
            self.change()
            with transaction.atomic():
                self.change()
                transaction.set_rollback(True)

    def read(self) -> None:
        for counter in COUNTERS:
            counter.value(self.user())
            counter.values(self.user_ids)

    def ask(self) -> None:
        self.random.choice(COUNTERS).request_recount([self.user()])


class Flusher:
    """Flushes in small chunks.

    Args:
        seed: of the random pauses.
        user_ids: whose counts there are.
        recounts: whether it recounts all of them, too, in each of the ways that there are.
    """

    def __init__(self, seed: int, user_ids: Sequence[int], recounts: bool = False) -> None:
        self.random = random.Random(seed)
        self.user_ids = user_ids
        self.recounts = recounts

    def step(self) -> None:
        for counter in COUNTERS:
            if self.recounts and self.random.random() < 0.5:
                stored = counter.store()
                progress.update(stored.using, stored.label, {"lost_at": timezone.now(), "recounted_to": None})
            counter.flush(chunk_size=2)
        if self.recounts and self.random.random() < 0.3:
            counter = self.random.choice(COUNTERS)
            # What a recount does after three tries that writers left no gap; they seldom leave none here.
            counter.buffer.freeze(counter.store(), [counter.key_text(self.random.choice(self.user_ids))])
            counter.recount(self.user_ids)
        time.sleep(self.random.random() / 30)
