"""The tour: what a site does with notifications all day, with every count held against COUNT(*) after each step."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifications_counter.controller import NotificationController
from notifications_counter.models import Notification, UserNotificationsCount

from . import samples
from .compare import Line, compare, open_tickets, unread
from .models import Ticket

MANY = 4000
SINGLE = 200
READS = 1000
TICKETS = 300


class Rollback(Exception):
    """Raised inside a transaction, which is rolled back for it."""


class Tour:
    """Runs the steps in turn; each returns in a few words what it did.

    Args:
        say: prints a line.

    Attributes:
        compared: how many counts were held against COUNT(*).
        wrong: those that were not equal, a sentence each.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.chance = random.Random(1)
        self.compared = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        self.say(f"\n{'all users together:':<46}{'seconds':>8}{'stored':>8}{'value':>8}{'COUNT(*)':>10}")
        for step in self._steps():
            start = time.perf_counter()
            did = step()
            self._compare(did, time.perf_counter() - start, flushed=step == self.flush)

    def _steps(self) -> Iterator[Callable[[], str]]:
        yield from (self.make_users, self.make_many, self.make_single, self.flush)
        yield from (self.read_often, self.mark_one, self.mark_again, self.mark_of_others, self.mark_by_save)
        yield from (self.mark_all, self.mark_many, self.delete_one, self.delete_many, self.flush)
        yield from (self.roll_back, self.roll_back_part, self.move, self.delete_user, self.flush, self.flush)
        yield from (self.make_tickets, self.close_tickets, self.make_busy, self.flush, self.make_morning)

    # The comparison

    def _compare(self, did: str, seconds: float, flushed: bool) -> None:
        users = list(User.objects.all())
        lines = compare(users, unread())
        for line in [*lines, *compare(users, open_tickets())]:
            self._hold(line.user, "value", line.value, line)
            if flushed:
                self._hold(line.user, "stored", line.stored, line)
        stored, value, count = (sum(getattr(line, name) for line in lines) for name in ("stored", "value", "count"))
        self.say(f"{did:<46}{seconds:>8.2f}{stored:>8,}{value:>8,}{count:>10,}")

    def _hold(self, user: User, name: str, number: int, line: Line) -> None:
        self.compared += 1
        if number != line.count:
            self.wrong.append(f"{user}: {name} is {number}, COUNT(*) is {line.count}")

    # New notifications

    def make_users(self) -> str:
        self.users = samples.make_users()
        self.ada, self.ben, self.cleo, self.dan = self.users[:4]
        return f"{len(self.users)} users"

    def make_many(self) -> str:
        made = Notification.objects.bulk_create(samples.of_last_week(self.users, MANY, self.chance))
        return f"{len(made):,} with bulk_create, a fifth of them read"

    def make_single(self) -> str:
        for notification in self._unsaved(self.chance.choices(self.users, k=SINGLE)):
            notification.save()
        return f"{SINGLE} more, saved one by one"

    def make_busy(self) -> str:
        Notification.objects.bulk_create(samples.of_busy_users(self.users, self.chance), batch_size=2000)
        return f"{sum(samples.BUSY.values()):,} of {' and '.join(samples.BUSY)}, some of them read"

    def _unsaved(self, users: list[User]) -> Iterator[Notification]:
        return samples.unsaved(users, self.users, self.chance)

    def flush(self) -> str:
        call_command("notification_update_counter", verbosity=0)
        return "manage.py notification_update_counter"

    # Reading and marking

    def read_often(self) -> str:
        inbox = NotificationController(self.ada)
        with CaptureQueriesContext(connection) as queries:
            for _ in range(READS):
                inbox.unread_count()
        each = len(queries) / READS
        return f"{READS:,} reads of ada's count, queries each: {each:g}"

    def mark_one(self) -> str:
        self.marked = self._unread(self.ada)
        return f"ada marks one as read: {NotificationController(self.ada).mark_as_read(self.marked.pk)}"

    def mark_again(self) -> str:
        return f"the same one again: {NotificationController(self.ada).mark_as_read(self.marked.pk)}"

    def mark_of_others(self) -> str:
        return (
            f"one of ben's, marked by ada: {NotificationController(self.ada).mark_as_read(self._unread(self.ben).pk)}"
        )

    def mark_by_save(self) -> str:
        notification = self._unread(self.ben)
        notification.has_read = True
        notification.save()
        return "ben's is marked by has_read = True and save()"

    def mark_all(self) -> str:
        return f"dan marks all as read: {NotificationController(self.dan).mark_all_as_read()}"

    def mark_many(self) -> str:
        number = Notification.objects.filter(kind="security").mark_as_read()
        return f"all of one kind, of all users: {number}"

    def _unread(self, user: User) -> Notification:
        notification: Notification = NotificationController(user).notifications().unread().latest("pk")
        return notification

    # Deleting

    def delete_one(self) -> str:
        self._unread(self.ben).delete()
        return "one of ben's is deleted"

    def delete_many(self) -> str:
        number, _ = Notification.objects.filter(kind="parcel").delete()
        return f"{number:,} deleted by queryset, read and unread"

    def delete_user(self) -> str:
        user = self.users.pop()
        pk, name = user.pk, user.username
        user.delete()
        if UserNotificationsCount.objects.filter(pk=pk).exists():
            self.wrong.append(f"{name} is deleted, but has a row of counts")
        return f"the user {name} is deleted"

    # Transactions

    @contextmanager
    def _rolled_back(self) -> Iterator[None]:
        try:
            with transaction.atomic():
                yield
                raise Rollback
        except Rollback:
            pass

    def roll_back(self) -> str:
        inbox = NotificationController(self.cleo)
        before = inbox.unread_count()
        with self._rolled_back():
            self._send(self.cleo, 100)
            inside = inbox.unread_count()
        return f"rolled back: {before}, inside {inside}, after {inbox.unread_count()}"

    def roll_back_part(self) -> str:
        with transaction.atomic():
            self._send(self.cleo, 5)
            with self._rolled_back():
                self._send(self.cleo, 50)
                NotificationController(self.ben).mark_all_as_read()
        return "of 5 and an inner 50, the inner rolled back"

    def move(self) -> str:
        notification = self._unread(self.cleo)
        notification.user = self.ada
        notification.save()
        return "one of cleo's becomes ada's"

    def _send(self, user: User, number: int) -> None:
        Notification.objects.bulk_create(self._unsaved([user] * number))

    # A model of the site's own

    def make_tickets(self) -> str:
        made = Ticket.objects.bulk_create(samples.tickets(self.users, TICKETS, self.chance))
        return f"{len(made)} tickets, counted too"

    def close_tickets(self) -> str:
        number = Ticket.objects.filter(is_open=True, title=samples.TITLES[0]).update(is_open=False)
        return f"{number} of them are closed by update()"

    # What the site begins with

    def make_morning(self) -> str:
        made = samples.of_this_morning(self.ada, self.users[1:8])
        Notification.objects.bulk_create(made)
        return f"{len(made)} for ada, of this morning"
