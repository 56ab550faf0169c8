"""Counters whose keys have several parts."""

from __future__ import annotations

import subprocess
import sys
import unittest
import uuid
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from django.db.models import Count, Q
from django.test import SimpleTestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications_counter.annotations import AnnotationNotSupported, CounterQuerySet, value_of
from notifications_counter.buffers.redis.shards import Shards
from notifications_counter.counters import Counter
from notifications_counter.declaration.keys import KeyConverter
from notifications_counter.exceptions import InvalidKey
from notifications_counter.ledger.progress import Layout
from notifications_counter.ledger.tables import Delta, Progress
from notifications_counter.models import UserNotificationsCount
from notifications_counter.reconciliation.walk import all_keys, number_of_keys
from tests.buffers.test_async import run
from tests.shop.models import (
    Message,
    MessagesByKind,
    MessagesByKindTriggers,
    MessagesByThread,
    MessagesByThreadTriggers,
    Visits,
)
from tests.support.base import ROOT, CounterTestCase, child_environment, default_buffer, note_layout, notify, uses_redis

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


class RecountTest(CompositeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.thread = uuid.uuid4()
        for kind in KINDS:
            for user in self.users:
                self.send(user, kind, thread=self.thread)
        for counter in COUNTERS:
            counter.flush()

    def spoil(self) -> None:
        """Behind the counters' backs."""
        models.QuerySet(MessagesByKind).filter(kind__in=["a", "a,b"]).update(unread=7)
        models.QuerySet(MessagesByThread).filter(kind="A").update(number=0)
        models.QuerySet(MessagesByKind).bulk_create([MessagesByKind(user=self.user, kind="none", unread=3)])
        for counter in COUNTERS:
            counter.buffer.clear_cache(counter.store())

    def test_keys_are_recounted(self) -> None:
        self.spoil()
        found = by_kind.recount([(self.user, "a"), (self.other, "A"), (self.user, "none")])
        self.assertEqual([one.difference for one in found], [-6, 0, -3])
        self.assertEqual(by_kind.value((self.user, "a")), 1)
        self.assertEqual(by_kind.value((self.user, "none")), 0)

    def test_the_command_finds_and_corrects_every_wrong_count(self) -> None:
        self.spoil()
        labels = {"counter": [by_kind.label, by_thread.label], "verbosity": 0}
        with self.assertRaisesMessage(CommandError, "7 counts are wrong"):
            call_command("notification_recount", check=True, **labels)
        call_command("notification_recount", **labels)
        self.assert_right()
        self.assert_stored_right()
        call_command("notification_recount", check=True, **labels)

    def test_a_walk_in_small_slices_meets_every_key_once(self) -> None:
        for counter in COUNTERS:
            keys = [key for part in all_keys(counter.store(), 3) for key in part]
            expected = {counter.key_text(key) for key in true_counts(counter)}
            self.assertEqual((len(keys), set(keys)), (len(expected), expected))
            self.assertEqual(number_of_keys(counter.store()), 2 * len(expected))

    def test_the_audit_finds_what_was_changed_behind_its_back(self) -> None:
        self.spoil()
        changed = {**settings.NOTIFICATIONS_COUNTER, "AUDIT_INTERVAL": 1}
        with override_settings(NOTIFICATIONS_COUNTER=changed):
            for _ in range(20):
                by_kind.flush()
                by_thread.flush()
        self.assert_stored_right()

    def test_what_was_there_before_the_counter_is_counted_until_it_is_filled(self) -> None:
        Progress.objects.update(backfilled=False)
        self.spoil()
        Delta.objects.all().delete()
        self.assert_right()
        with transaction.atomic():
            self.send(self.user, "new")
            self.assert_right()
        for counter in COUNTERS:
            counter.flush()
        self.assert_right()
        self.assert_stored_right()

    def test_a_requested_recount_is_counted_from_the_rows_until_it_is_done(self) -> None:
        self.spoil()
        with transaction.atomic():
            by_kind.request_recount([(self.user, "a"), (self.user, "none")])
            found = by_kind.values_of(self.user)
            self.assertEqual((found["a"], found.get("none"), found["a,b"]), (1, None, 7))
        self.assertEqual(by_kind.value((self.user, "a")), 1)


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


@unittest.skipUnless(uses_redis(), "of the Redis buffer only")
class CachedGroupTest(CompositeTestCase):
    def called(self, read: Callable[[], Any]) -> tuple[int, int]:
        """How many scripts a read runs, and how many statements."""
        client = by_kind.buffer.server.client  # type: ignore[attr-defined]
        before = client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]
        with CaptureQueriesContext(connection) as queries:
            read()
        return client.info("commandstats")["cmdstat_evalsha"]["calls"] - before, len(queries)

    def test_a_group_takes_one_call_when_cached_else_one_statement_too(self) -> None:
        self.send(self.user, "a")
        for _ in range(2):  # the first loads the scripts, and makes the progress rows
            by_kind.buffer.clear_cache(by_kind.store())
            uncached = self.called(lambda: by_kind.values_of(self.user))
        self.assertEqual(uncached, (2, 1), "one call, one statement, and one call to cache it")
        for change in (lambda: None, lambda: self.send(self.user, "b"), Message.objects.all().delete):
            change()
            self.assertEqual(self.called(lambda: by_kind.values_of(self.user)), (1, 0))
        self.assertEqual(by_kind.values_of(self.user), {})

    def test_an_empty_group_is_cached_too(self) -> None:
        for _ in range(2):
            by_kind.values_of(self.user)
        self.assertEqual(self.called(lambda: by_kind.values_of(self.user)), (1, 0))

    def test_what_somebody_else_wrote_there_is_not_believed(self) -> None:
        self.send(self.user, "a")
        by_kind.values_of(self.user)
        client = by_kind.buffer.server.client  # type: ignore[attr-defined]
        (name,) = client.keys("*:group:*")
        client.hset(name, "a", "many")
        self.assertEqual(by_kind.values_of(self.user), {"a": 1})
        client.hset(name, "a", "many")
        self.send(self.user, "a")
        self.assertEqual(by_kind.values_of(self.user), {"a": 2})

    def test_a_group_expires_and_is_in_the_shard_of_its_first_part(self) -> None:
        store, shards = by_kind.store(), Shards(Layout("nc", 7))
        of = {shards.of(store, by_kind.key_text((self.user, kind))) for kind in KINDS}
        self.assertEqual(of, {shards.of_group(by_kind.keys.group(self.user))})
        self.assertGreater(len({shards.of(store, f"{number},a") for number in range(50)}), 1)
        by_kind.values_of(self.user)
        client = by_kind.buffer.server.client  # type: ignore[attr-defined]
        (name,) = client.keys("*:group:*")
        self.assertTrue(0 < client.ttl(name) <= 3600)

    def test_several_shards_give_the_same(self) -> None:
        options = {**settings.NOTIFICATIONS_COUNTER["BUFFERS"]["default"]["OPTIONS"], "SHARDS": 3}
        with default_buffer("notifications_counter.buffers.redis.RedisBuffer", options):
            note_layout()
            for kind in KINDS:
                for user in self.users:
                    self.send(user, kind, thread=uuid.uuid4())
            for _ in range(2):
                self.assert_right()
                self.assert_stored_right()

    def test_a_counter_with_single_keys_keeps_no_indexes(self) -> None:
        notify(self.user)
        client = by_kind.buffer.server.client  # type: ignore[attr-defined]
        self.assertEqual(client.keys("*_keys"), [])

    def test_without_redis_a_group_is_read_from_the_database(self) -> None:
        self.send(self.user, "a")
        by_kind.flush()
        options = {**settings.NOTIFICATIONS_COUNTER["BUFFERS"]["default"]["OPTIONS"], "URL": "redis://127.0.0.1:1/0"}
        with default_buffer("notifications_counter.buffers.redis.RedisBuffer", options):
            self.send(self.user, "b")
            with transaction.atomic():
                self.send(self.user, "c")
                self.assertEqual(by_kind.values_of(self.user), {"a": 1, "b": 1, "c": 1})


class ChecksTest(SimpleTestCase):
    def test_manage_py_check_says_what_does_not_fit(self) -> None:
        command = [sys.executable, "-m", "django", "check", "--settings=tests.wrong_keys.settings"]
        said = subprocess.run(command, cwd=ROOT, env=child_environment(), capture_output=True, text=True).stderr
        sentences = (
            "E021) wrong_keys.OneForTwo.counter: key='user' has not as many columns as the primary key of",
            "E021) wrong_keys.TwoForOne.counter: key=('user', 'kind') has not as many columns as the primary key of",
            "E021) wrong_keys.ThreeForTwo.counter: key=('user', 'kind', 'number') has not as many columns as",
            "E021) wrong_keys.TupleOfOne.counter: key=('user',) has not as many columns as the primary key of",
            "E021) wrong_keys.OtherOrder.counter: key=('kind', 'user') has another order than the primary key.",
            "E007) wrong_keys.NoColumn.counter: key: wrong_keys.Note has no column 'color'.",
            "E019) wrong_keys.OtherType.counter: a trigger cannot write 'number' as wrong_keys.OtherType writes",
            "E004) wrong_keys.KeyAsCount.counter: 'user' is part of the primary key.",
        )
        for sentence in sentences:
            with self.subTest(sentence):
                self.assertIn(sentence, said)
        self.assertEqual(said.count("(notifications_counter.E"), len(sentences), said)


class AdminTest(CompositeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(User.objects.create_superuser("chief"))
        self.page = reverse("admin:notifications_counter_composite_page", args=["shop.MessagesByKind"])

    def test_counts_are_listed_stored_and_exact_below_those_of_users(self) -> None:
        self.send(self.user, "a,b")
        by_kind.flush()
        self.send(self.user, "a,b")
        self.assertContains(
            self.client.get(reverse("admin:notifications_counter_usernotificationscount_changelist")),
            reverse("admin:notifications_counter_composite"),
        )
        self.assertContains(self.client.get(reverse("admin:notifications_counter_composite")), self.page)
        row = f"<tr><td>{self.user.pk}</td><td>a,b</td><td>1</td><td>2</td></tr>"
        self.assertContains(self.client.get(self.page), row, html=True)

    def test_they_are_searched_by_the_first_part_and_shown_in_pages(self) -> None:
        by_kind.add({(self.user, f"kind {number:03}"): 1 for number in range(150)} | {(self.other, "x"): 5})
        by_kind.flush()
        page = self.client.get(self.page, {"q": self.user.pk, "p": 2})
        self.assertContains(page, "<td>kind 149</td>", html=True)
        self.assertContains(page, "Page 2 of 2, 150 counts")
        self.assertNotContains(page, "<td>x</td>", html=True)
        self.assertContains(self.client.get(self.page, {"q": "nobody"}), "0 counts")
        with CaptureQueriesContext(connection) as queries:
            self.client.get(self.page)
        self.assertLess(len(queries), 10, "a query for each row")

    def test_only_who_may_view_them_sees_them_and_nobody_changes_them(self) -> None:
        staff = User.objects.create(username="staff", is_staff=True)
        self.client.force_login(staff)
        self.assertEqual(self.client.get(self.page).status_code, 403)
        self.assertNotContains(self.client.get(reverse("admin:notifications_counter_composite")), self.page)
        content_type = ContentType.objects.get_for_model(MessagesByKind)
        permission, _ = Permission.objects.get_or_create(
            content_type=content_type, codename="view_messagesbykind", defaults={"name": "view"}
        )
        staff.user_permissions.add(permission)
        self.assertEqual(self.client.get(self.page).status_code, 200)
        unknown = reverse("admin:notifications_counter_composite_page", args=["auth.User"])
        self.assertEqual(self.client.get(unknown).status_code, 404)
        self.client.logout()
        self.assertEqual(self.client.get(self.page).status_code, 302)
