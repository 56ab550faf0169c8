"""Counters whose keys have several parts."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, models, transaction
from django.db.models import Count, Q
from django.test.utils import CaptureQueriesContext

from notifications_counter.annotations import AnnotationNotSupported, CounterQuerySet, value_of
from notifications_counter.counters import Counter
from notifications_counter.declaration.keys import KeyConverter
from notifications_counter.exceptions import InvalidKey
from notifications_counter.ledger.tables import Progress
from notifications_counter.models import UserNotificationsCount
from tests.buffers.test_async import run
from tests.shop.models import (
    Message,
    MessagesByKind,
    MessagesByKindTriggers,
    MessagesByThread,
    MessagesByThreadTriggers,
    Visits,
)
from tests.support.base import CounterTestCase, uses_redis

by_kind, by_thread, visits = MessagesByKind.counter, MessagesByThread.counter, Visits.counter
by_kind_triggers, by_thread_triggers = MessagesByKindTriggers.counter, MessagesByThreadTriggers.counter
COUNTERS = [by_kind, by_thread, by_kind_triggers, by_thread_triggers]

#: Kinds that a text of several parts could be mistaken for, or that a pattern would match.
KINDS = ["a", "A", "a,b", "a!", "!,", ",", "", "a\\b", "100%", "a_b", "é漢🎁", "1"]


def true_counts(counter: Counter) -> dict[Any, int]:
    """What a plain COUNT(*) says of each key."""
    names, rows = counter.source_keys, Message.objects.filter(counter.filter)
    rows = rows.exclude(Q(*(Q(**{f"{name}__isnull": True}) for name in names), _connector=Q.OR))
    numbers = rows.order_by().values(*names).annotate(n=Count("*")).values_list(*names, "n")
    return {tuple(key): number for *key, number in numbers}


def assert_counts(users: Iterable[User], said: str = "") -> None:
    """Each value, alone and with its group, is what COUNT(*) says."""
    for counter in COUNTERS:
        true = true_counts(counter)
        groups: dict[Any, dict[Any, int]] = {}
        if counter.source_keys[0] == "user":
            groups = {user.pk: {} for user in users}
        for (first, *rest), number in true.items():
            groups.setdefault(first, {})[rest[0] if len(rest) == 1 else tuple(rest)] = number
        assert counter.values(true) == true, f"{counter} {counter.values(true)} != {true} {said}"
        found = {first: counter.values_of(first) for first in groups}
        assert found == groups, f"{counter} {found} != {groups} {said}"


class CompositeTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(2)
        self.user, self.other = self.users

    def assert_right(self) -> None:
        assert_counts(self.users)

    def stored(self, counter: Counter) -> dict[Any, int]:  # type: ignore[override]
        rows = counter.model._base_manager.values_list("pk", counter.field.name)
        return {key: number for key, number in rows if number}  # of a key without rows 0 stays

    def assert_stored_right(self) -> None:
        for counter in COUNTERS:
            counter.flush()
            self.assertEqual(self.stored(counter), true_counts(counter), counter)

    def send(self, user: User | None, kind: str | None, **values: Any) -> Message:
        return Message.objects.create(user=user, kind=kind, **values)


class CountingTest(CompositeTestCase):
    def test_creates_updates_and_deletes_are_counted_for_each_pair(self) -> None:
        first = self.send(self.user, "a")
        self.send(self.user, "b")
        self.send(self.other, "a")
        self.assert_right()
        self.assertEqual(by_kind.values_of(self.user), {"a": 1, "b": 1})
        first.kind = "b"
        first.save()
        self.assertEqual(by_kind.values_of(self.user), {"b": 2})
        Message.objects.filter(kind="b").update(user=self.other)
        self.assertEqual(by_kind.values_of(self.other), {"a": 1, "b": 2})
        Message.objects.filter(kind="a").delete()
        Message.objects.update(has_read=True)
        self.assertEqual(by_kind.values_of(self.other), {})
        self.assert_right()
        self.assert_stored_right()

    def test_kinds_with_commas_quotes_and_other_letters_are_kept_apart(self) -> None:
        thread = uuid.uuid4()
        for number, kind in enumerate(KINDS, 1):
            Message.objects.bulk_create([Message(user=self.user, kind=kind, thread=thread) for _ in range(number)])
        for _ in range(2):
            self.assert_right()
            self.assertEqual(by_kind.values_of(self.user), {kind: number for number, kind in enumerate(KINDS, 1)})
            self.assertEqual(by_thread.values_of(thread)[self.user.pk, "a,b"], 3)
            self.assert_stored_right()

    def test_a_row_counts_for_nobody_while_a_part_of_its_key_is_missing(self) -> None:
        self.send(self.user, None)
        self.send(None, "a")
        found = self.send(None, None)
        self.assert_right()
        self.assertEqual(by_kind.values_of(self.user), {})
        found.user, found.kind = self.user, "a"
        found.save()
        self.assertEqual(by_kind.value((self.user, "a")), 1)
        self.assert_right()
        Message.objects.update(kind=None)
        self.assertEqual(by_kind.value((self.user, "a")), 0)
        self.assert_stored_right()

    def test_changes_of_the_open_transaction_are_read_and_rolled_back(self) -> None:
        self.send(self.user, "a")
        self.assert_right()
        try:
            with transaction.atomic():
                self.send(self.user, "b")
                Message.objects.filter(kind="a").delete()
                self.assert_right()
                by_kind.request_recount([(self.user, "c"), (self.user, "b")])
                self.assert_right()
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        self.assertEqual(by_kind.values_of(self.user), {"a": 1})
        self.assert_right()

    def test_a_group_is_read_between_a_flush_and_the_next_change(self) -> None:
        for kind in ("a", "b", "a"):
            self.send(self.user, kind)
            self.assert_right()
            by_kind.flush()
            self.assert_right()
        Message.objects.filter(kind="b").delete()
        self.assertEqual(by_kind.values_of(self.user), {"a": 2})
        by_kind.flush(chunk_size=1)
        self.assertEqual(by_kind.values_of(self.user), {"a": 2})

    def test_a_deleted_user_leaves_no_count(self) -> None:
        self.send(self.user, "a", thread=uuid.uuid4())
        by_kind.flush()
        self.send(self.user, "b")
        pk = self.user.pk
        self.user.delete()
        self.users = [self.other]
        self.assertEqual(by_kind.values_of(pk), {})
        self.assert_right()
        self.assert_stored_right()
        self.assertFalse(MessagesByKind.objects.filter(user_id=pk, kind="b").exists(), "a row without its user")

    def test_a_count_row_may_be_deleted_or_changed_by_hand(self) -> None:
        self.send(self.user, "a")
        by_kind.flush()
        row = MessagesByKind.objects.get(pk=(self.user.pk, "a"))
        row.unread = 9
        row.save()
        self.assertEqual(by_kind.value((self.user, "a")), 1)
        row.delete()
        self.assertEqual(by_kind.values_of(self.user), {"a": 1})
        self.assert_stored_right()

    def test_events_have_composite_keys_too(self) -> None:
        day = date(2026, 11, 27)
        visits.add({(day, "/"): 2, (day, "/a"): 1, ("2026-11-28", "/"): 5})
        self.assertEqual(visits.values_of(day), {"/": 2, "/a": 1})
        visits.flush()
        visits.add({(day, "/a"): -1, (day, "/b"): 4})
        self.assertEqual(visits.values_of(day), {"/": 2, "/b": 4})
        self.assertEqual(visits.value(("2026-11-28", "/")), 5)
        visits.flush()
        self.assertEqual(Visits.objects.get(pk=(day, "/b")).number, 4)

    def test_asynchronous_reads_give_the_same(self) -> None:
        async def both() -> tuple[Any, Any]:
            return await by_kind.avalues_of(self.user), await by_kind.avalue((self.user, "b"))

        self.send(self.user, "a")
        by_kind.flush()
        self.send(self.user, "b")
        for _ in range(2):
            self.assertEqual(run(both()), ({"a": 1, "b": 1}, 1))

    def test_a_count_model_with_a_note_gets_rows_with_its_default(self) -> None:
        thread = uuid.uuid4()
        self.send(self.user, "a", thread=thread)
        by_thread.flush()
        self.assertEqual(MessagesByThread.objects.get(pk=(thread, self.user.pk, "a")).note, "new")


class KeysTest(CompositeTestCase):
    def test_what_cannot_be_a_key_is_said(self) -> None:
        for key in (1, "1,a", (1,), (1, "a", "b"), (None, "a"), (1, None), ("x", "a"), (True, "a"), (1, "a" * 41)):
            with self.subTest(key), self.assertRaises(InvalidKey):
                by_kind.value(key)
        with self.assertRaisesMessage(InvalidKey, "it must be a tuple of (user, kind)"):
            by_kind.value(self.user.pk)
        with self.assertRaises(InvalidKey):
            by_kind.values_of("x")
        with self.assertRaisesMessage(InvalidKey, "no composite keys"):
            UserNotificationsCount.counter.values_of(self.user)

    def test_parts_may_be_given_as_instances_and_as_text(self) -> None:
        thread = uuid.uuid4()
        self.send(self.user, "a", thread=thread)
        for key in ((self.user, "a"), (self.user.pk, "a"), (str(self.user.pk), "a")):
            self.assertEqual(by_kind.value(key), 1)
        self.assertEqual(by_thread.value((thread.hex, self.user, "a")), 1)
        self.assertEqual(by_thread.values_of(str(thread)), {(self.user.pk, "a"): 1})

    def test_a_key_of_too_many_characters_is_refused(self) -> None:
        with self.assertRaisesMessage(InvalidKey, "at most 500"):
            KeyConverter("app.Model.counter", [models.CharField(max_length=400)] * 2).text(("a" * 400, "!" * 50))


class AnnotationTest(CompositeTestCase):
    def test_values_are_read_beside_the_rows_that_they_belong_to(self) -> None:
        thread = uuid.uuid4()
        for kind in ("a", "a,b", "!"):
            self.send(self.user, kind, thread=thread)
        for _ in range(2):
            rows = CounterQuerySet(Message).filter(thread=thread)
            if not uses_redis():
                for message in rows.with_value(by_kind, "unread", ("user", "kind")):
                    self.assertEqual(message.unread, 1)
            for message in rows.with_value(by_kind_triggers, key=("user_id", "kind")):
                self.assertEqual(message.value, 1)
            for message in rows.with_value(by_thread_triggers, key=("thread", "user", "kind")):
                self.assertEqual(message.value, 1)
            for counter in COUNTERS:
                counter.flush()
            self.send(self.other, "b")
        Progress.objects.update(backfilled=False)
        self.assertEqual(
            Message.objects.annotate(value=value_of(by_kind_triggers, ("user", "kind"))).filter(value=2).count(), 2
        )

    def test_what_cannot_be_annotated_is_said(self) -> None:
        with self.assertRaisesMessage(InvalidKey, "give a field for each of (user, kind)"):
            CounterQuerySet(Message).with_value(by_kind_triggers)
        if uses_redis():
            with self.assertRaises(AnnotationNotSupported):
                value_of(by_kind, ("user", "kind"))


class ReadTest(CompositeTestCase):
    def test_a_group_takes_one_statement(self) -> None:
        self.send(self.user, "a")
        by_kind_triggers.values_of(self.user)
        with CaptureQueriesContext(connection) as queries:
            self.assertEqual(by_kind_triggers.values_of(self.user), {"a": 1})
        self.assertEqual(len(queries), 1)

    def test_a_group_is_found_by_the_index_of_the_waiting_deltas(self) -> None:
        if connection.vendor != "postgresql":
            self.skipTest("of the others indexes compare byte by byte anyway")
        self.send(self.user, "a")
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
            by_kind_triggers.values_of(self.user)
        with connection.cursor() as cursor, transaction.atomic():
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {queries[-2]['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        self.assertRegex(plan, r"Index Cond:.*key.*>=")
