"""The Redis buffer, on a real Valkey."""

from __future__ import annotations

import os
import time
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar
from unittest import mock

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import TestCase, override_settings

from notifications_counter.buffers import buffers
from notifications_counter.buffers.base import ProgressSnapshot
from notifications_counter.buffers.redis import RedisBuffer
from notifications_counter.controller import NotificationController
from notifications_counter.exceptions import BufferMismatch
from notifications_counter.flushing.flush import Flush
from notifications_counter.ledger.store import CounterStore
from notifications_counter.ledger.tables import Delta
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, behind_djangos_back, counter, default_buffer, empty_redis, notify
from tests.support.intents import read_intents, write_intents
from tests.support.servers import valkey
from tests.testapp.models import Click

from .contract import URL, BufferContract, Rollback

BACKEND = "notifications_counter.buffers.redis.RedisBuffer"


def load_tests(loader: Any, tests: unittest.TestSuite, pattern: Any) -> unittest.TestSuite:
    """These tests choose their buffer by themselves: once a database is enough."""
    return tests if os.environ.get("NC_BUFFER") == "redis" else unittest.TestSuite()


class RedisTestCase(CounterTestCase):
    options: ClassVar[dict[str, Any]] = {"URL": settings.REDIS_URL}

    def setUp(self) -> None:
        self.use(**self.options)
        super().setUp()
        (self.user,) = self.make_users(1)

    def use(self, **options: Any) -> None:
        self.enterContext(default_buffer(BACKEND, options))

    @property
    def buffer(self) -> RedisBuffer:
        buffer = buffers["default"]
        assert isinstance(buffer, RedisBuffer)
        return buffer

    def intended(self) -> list[str]:
        """The keys that have intents."""
        name = f"{self.buffer.shards.base(counter.store(), 0)}:intents"
        return [key.decode() for key in self.buffer.server.client.hkeys(name)]

    def names(self, pattern: str = "*") -> list[str]:
        return sorted(
            name.decode().rsplit("}:", 1)[1] for name in self.buffer.server.client.scan_iter(f"nc:*:{pattern}")
        )

    def at_the_commit(self, look: Callable[[], Any]) -> Any:
        """What there is to be seen when the database is told to commit."""
        found: list[Any] = []
        commit = connection._commit

        def noting_commit() -> None:
            found.append(look())
            commit()

        self.enterContext(mock.patch.object(connection, "_commit", noting_commit))
        return found

    def commands(self) -> int:
        """How many scripts the server has run."""
        stats = self.buffer.server.client.info("commandstats")
        return int(stats.get("cmdstat_evalsha", {}).get("calls", 0))


class RedisBufferTest(BufferContract, CounterTestCase):
    backend = BACKEND
    options: ClassVar[dict[str, Any]] = {"URL": settings.REDIS_URL}


class ShardedRedisBufferTest(BufferContract, CounterTestCase):
    backend = BACKEND
    options: ClassVar[dict[str, Any]] = {"URL": settings.REDIS_URL, "SHARDS": 4, "PREFIX": "four"}


@override_settings(
    CACHES={
        "counts": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": settings.REDIS_URL,
            "OPTIONS": {"SOCKET_TIMEOUT": 1, "SOCKET_CONNECT_TIMEOUT": 1},
        }
    }
)
class DjangoRedisBufferTest(BufferContract, CounterTestCase):
    backend = BACKEND
    options: ClassVar[dict[str, Any]] = {"CACHE": "counts"}


def decoding_client() -> Any:
    import redis

    return redis.Redis.from_url(settings.REDIS_URL, decode_responses=True, protocol=3)


class DecodingClientBufferTest(BufferContract, CounterTestCase):
    backend = BACKEND
    options: ClassVar[dict[str, Any]] = {"CLIENT": "tests.buffers.test_redis.decoding_client"}


def value_elsewhere(user: User) -> int:
    """What another connection reads."""
    try:
        return counter.value(user)
    finally:
        connection.close()


class StepsTest(RedisTestCase):
    def test_a_change_leaves_an_intent_before_its_commit_and_none_after(self) -> None:
        found = self.at_the_commit(self.names)
        with transaction.atomic():
            notify(self.user)
            self.assertEqual(self.names(), [])
        self.assertEqual((found, self.names()), ([["dirty", "intents"]], ["pending"]))

    def test_what_was_rolled_back_leaves_no_intent(self) -> None:
        (other,) = self.make_users_named("other")
        found = self.at_the_commit(self.intended)
        with self.assertRaises(Rollback), transaction.atomic():
            notify(self.user)
            raise Rollback
        with transaction.atomic():
            with self.assertRaises(Rollback), transaction.atomic():
                notify(other)
                raise Rollback
            notify(self.user)
        self.assertEqual(found, [[str(self.user.pk)]])

    def test_changes_that_cancel_each_other_are_not_announced(self) -> None:
        notify(self.user)
        notification, names = Notification.objects.get(), self.names()
        found = self.at_the_commit(self.names)
        with transaction.atomic():
            notify(self.user)
            notification.delete()
        self.assertEqual(found, [names])

    def make_users_named(self, *names: str) -> list[Any]:
        return [type(self.user).objects.create(username=name) for name in names]

    def test_a_commit_that_the_database_refuses_counts_nothing_and_its_intents_heal(self) -> None:
        if connection.vendor == "mysql":
            self.skipTest("MariaDB checks foreign keys at once, so that no commit fails")
        with self.assertRaises(IntegrityError):
            Notification.objects.create(user_id=987_654, text="to nobody")
        self.assertEqual(self.intended(), ["987654"])
        self.assertEqual(counter.value(987_654), 0)
        self.assertEqual(self.recounted_after_the_grace_time("987654"), 1)
        self.assertEqual(counter.value(987_654), 0)

    def recounted_after_the_grace_time(self, key: str) -> int:
        base, client = self.buffer.shards.base(counter.store(), 0), self.buffer.server.client
        long_ago = int(time.time()) - 2 * self.buffer.max_transaction_age
        write_intents(client, base, key, dict.fromkeys(read_intents(client, base, key), long_ago))
        client.zadd(f"{base}:dirty", {key: long_ago})
        recounted = counter.flush().recounted
        self.assertEqual(self.names("intents*") + self.names("dirty"), [])
        return recounted

    def test_a_failure_of_ours_before_the_commit_rolls_back(self) -> None:
        with mock.patch.object(type(self.buffer), "intend", side_effect=KeyError("ours")), self.assertRaises(KeyError):
            notify(self.user)
        self.assertEqual((Notification.objects.count(), counter.value(self.user)), (0, 0))
        notify(self.user)
        self.assertEqual(counter.value(self.user), 1)

    def test_a_connection_that_was_lost_before_the_commit_leaves_nothing(self) -> None:
        with transaction.atomic():
            notify(self.user)
            connection.close()
        self.assertEqual((counter.value(self.user), self.names("intents*")), (0, []))

    def test_all_changes_of_a_transaction_take_one_call_before_its_commit_and_one_after(self) -> None:
        notify(self.user)
        before = self.commands()
        with transaction.atomic():
            for _ in range(9):
                with transaction.atomic():
                    notify(self.user)
            self.assertEqual(self.commands(), before)
        self.assertEqual(self.commands() - before, 2)
        self.assertEqual(counter.value(self.user), 10)

    def test_a_push_that_is_sent_again_counts_once(self) -> None:
        stored, client, key = counter.store(), self.buffer.server.client, str(self.user.pk)
        base = self.buffer.shards.base(stored, 0)
        self.buffer.server.run("intend", base, "token", 60, key)
        for _ in range(3):
            self.buffer.push("token", {stored: {key: 5}})
        self.assertEqual(client.zscore(f"{base}:pending", key), 5)
        self.assertEqual(list(read_intents(client, base, key)), ["recount"])

    def test_a_push_whose_intent_is_flagged_adds_nothing_and_asks_for_a_recount(self) -> None:
        stored, client, key = counter.store(), self.buffer.server.client, str(self.user.pk)
        base = self.buffer.shards.base(stored, 0)
        write_intents(client, base, key, {"token": "flagged 1"})
        self.buffer.push("token", {stored: {key: 5}})
        self.assertEqual(counter.value(self.user), 0)
        self.assertEqual(list(read_intents(client, base, key)), ["recount"])

    def test_an_intent_is_looked_at_in_time_although_an_older_one_is_looked_at_seldom(self) -> None:
        self.use(**self.options, INTENT_GRACE=1)
        stored, key = counter.store(), str(self.user.pk)
        base, client = self.buffer.shards.base(stored, 0), self.buffer.server.client
        write_intents(client, base, key, {"old": int(time.time()) - 5000})
        client.zadd(f"{base}:dirty", {key: 0})
        counter.flush()
        self.assertGreater(client.zscore(f"{base}:dirty", key), time.time() + 1000)
        with mock.patch.object(RedisBuffer, "push"):  # a process that dies before it
            notify(self.user)
        time.sleep(2)
        counter.flush()
        self.assertEqual((counter.value(self.user), self.stored(self.user)), (1, 1))

    def test_an_intent_of_the_future_holds_up_no_recount(self) -> None:
        """The clock of the server was set back."""
        base, client, key = self.buffer.shards.base(counter.store(), 0), self.buffer.server.client, str(self.user.pk)
        behind_djangos_back(self.user, 3)
        write_intents(client, base, key, {"token": int(time.time()) + 3600})
        self.assertEqual(counter.recount([self.user])[0].actual, 3)
        self.assertEqual(counter.value(self.user), 3)
        self.buffer.push("token", {counter.store(): {key: 1}})  # which was flagged
        behind_djangos_back(self.user, 1)
        counter.flush()
        self.assertEqual((counter.value(self.user), self.stored(self.user)), (4, 4))

    def test_the_prefix_is_no_pattern(self) -> None:
        counter.value(self.user)
        names = self.names("total:*")
        self.use(**self.options, PREFIX="n?*[a-z]")
        self.buffer.clear_cache(counter.store())
        self.buffer.close_down(counter.store())
        self.use(**self.options, PREFIX="*")
        self.buffer.clear_cache(counter.store())
        self.buffer.close_down(counter.store())
        self.use(**self.options)
        self.assertEqual((len(names), self.names("total:*")), (1, names))

    def test_an_intent_that_a_recount_has_seen_is_no_longer_old(self) -> None:
        self.use(**self.options, INTENT_GRACE=1)
        with mock.patch.object(RedisBuffer, "push", return_value={}):  # a process that dies before it
            notify(self.user)
        time.sleep(2.1)
        self.assertGreaterEqual(counter.status().oldest_intent or 0, 2)
        counter.flush()
        self.assertEqual((counter.status().intents, counter.status().oldest_intent), (1, 0))

    def test_events_that_are_sent_again_count_once(self) -> None:
        base = self.buffer.shards.base(Click.counter.store(), 0)
        for _ in range(3):
            self.buffer.server.run("add", base, "token", URL, 2)
        self.assertEqual(Click.counter.value(URL), 2)

    def test_a_change_of_a_frozen_key_is_read_once_it_is_committed_even_if_the_key_has_thawed(self) -> None:
        with transaction.atomic():
            self.buffer.freeze(counter.store("default"), [str(self.user.pk)])
            notify(self.user)
            self.buffer.server.client.delete(
                f"{self.buffer.shards.base(counter.store('default'), 0)}:frozen:{self.user.pk}"
            )
            with ThreadPoolExecutor() as elsewhere:
                self.assertEqual(elsewhere.submit(value_elsewhere, self.user).result(), 0)
            self.assertEqual(self.names("total:*"), [f"total:{self.user.pk}"])
            self.assertEqual((counter.value(self.user), counter.values([self.user.pk, 987])[self.user.pk]), (1, 1))
        self.assertEqual(counter.value(self.user), 1)

    def test_a_frozen_key_is_counted_in_the_database(self) -> None:
        base = self.buffer.shards.base(counter.store(), 0)
        self.buffer.server.client.set(f"{base}:frozen:{self.user.pk}", 1, ex=60)
        notify(self.user)
        self.assertEqual(Delta.objects.get().amount, 1)
        self.assertEqual(counter.value(self.user), 1)
        self.assertEqual(self.names("total*"), [])

    def test_each_key_of_a_change_is_treated_by_itself(self) -> None:
        users = [User.objects.create(username=name) for name in ("frozen", "flagged", "cached", "awaited", "plain")]
        frozen, flagged, cached, awaited, plain = (str(user.pk) for user in users)
        stored, client = counter.store(), self.buffer.server.client
        base = self.buffer.shards.base(stored, 0)
        counter.value(cached)
        client.set(f"{base}:frozen:{frozen}", 1, ex=60)
        self.buffer.intend("another", {stored: [awaited]})

        def flag_it() -> None:
            (token,) = read_intents(client, base, flagged)
            write_intents(client, base, flagged, {token: "flagged 1"})

        self.at_the_commit(flag_it)
        Notification.objects.bulk_create(Notification(user=user, text="x") for user in users)
        self.assertEqual(Delta.objects.get().key, frozen)
        counted = {name.decode(): score for name, score in client.zscan_iter(f"{base}:pending")}
        self.assertEqual(counted, {cached: 1, awaited: 1, plain: 1})
        self.assertEqual(client.get(f"{base}:total:{cached}"), b"1")
        self.assertEqual(set(client.zrange(f"{base}:dirty", 0, -1)), {flagged.encode(), awaited.encode()})
        self.assertEqual(list(read_intents(client, base, awaited)), ["another"])
        self.assert_exact(users)

    def test_a_sum_of_zero_is_removed(self) -> None:
        (row,) = notify(self.user)
        row.delete()
        self.assertEqual(self.names("pending"), [])

    def test_a_read_is_cached_and_the_next_needs_no_query(self) -> None:
        notify(self.user)
        self.assertEqual(counter.value(self.user), 1)
        with self.assertNumQueries(0):
            self.assertEqual(counter.value(self.user), 1)

    def test_a_cached_total_follows_every_change(self) -> None:
        self.assertEqual(counter.value(self.user), 0)
        for number in range(1, 4):
            notify(self.user)
            with self.assertNumQueries(0):
                self.assertEqual(counter.value(self.user), number)

    def test_a_cached_total_expires(self) -> None:
        self.use(**self.options, CACHE_TTL=7)
        counter.value(self.user)
        ttl = self.buffer.server.client.ttl(f"{self.buffer.shards.base(counter.store(), 0)}:total:{self.user.pk}")
        self.assertTrue(0 < ttl <= 7, ttl)

    def test_a_reader_does_not_cache_what_moved_while_it_looked(self) -> None:
        reader = self.buffer._reader(counter.store())
        key = str(self.user.pk)
        snapshot = reader._read_redis(0, [key])
        notify(self.user)
        reader._fill_cache(0, snapshot, {key: 0})
        self.assertEqual(self.names("total*"), [])
        self.assertEqual(counter.value(self.user), 1)

    def test_a_read_inside_a_transaction_caches_nothing(self) -> None:
        with transaction.atomic():
            self.assertEqual(counter.value(self.user), 0)
            notify(self.user)
            self.assertEqual(counter.value(self.user), 1)
        self.assertEqual(self.names("total*"), [])

    def test_a_read_in_an_old_snapshot_of_the_database_is_still_exact(self) -> None:
        if connection.vendor == "sqlite":
            self.skipTest("SQLite's transactions here take the write lock first, so none sees an old state")
        notify(self.user, 3)
        level = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        if connection.vendor == "mysql":
            connection.cursor().execute(level)
        with transaction.atomic():
            if connection.vendor == "postgresql":
                connection.cursor().execute(level)
            Notification.objects.count()
            BufferContract.in_another_connection(self, counter.flush)
            self.assertEqual(counter.value(self.user), 3)
        self.assertEqual(counter.value(self.user), 3)

    def test_a_cached_total_that_is_no_number_is_read_anew(self) -> None:
        (other,) = (User.objects.create(username="other"),)
        counter.values([self.user, other])
        self.buffer.server.client.set(f"{self.buffer.shards.base(counter.store(), 0)}:total:{self.user.pk}", "abc")
        self.assertEqual(counter.value(self.user), 0)
        self.buffer.server.client.set(f"{self.buffer.shards.base(counter.store(), 0)}:total:{self.user.pk}", "abc")
        with transaction.atomic():
            notify(self.user)
            notify(other)
        self.assertEqual((counter.value(self.user), counter.value(other)), (1, 1))

    def test_another_threads_error_keeps_no_committed_change_from_being_counted(self) -> None:
        with self.assertLogs("notifications_counter"), transaction.atomic():
            notify(self.user)
            self.buffer.server.breaker.failed(Exception("a time-out elsewhere"))
        self.assertEqual(counter.value(self.user), 1)

    def test_a_read_that_misses_a_whole_batch_is_still_exact(self) -> None:
        if connection.vendor != "postgresql":
            self.skipTest("PostgreSQL's REPEATABLE READ is the simplest old view to have")
        notify(self.user, 5)
        counter.flush()

        def meanwhile() -> None:
            notify(self.user, 10)
            counter.flush()
            notify(self.user, 100)
            Flush(counter.store()).applier._claim(0)

        with transaction.atomic():
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self.assertEqual(Notification.objects.count(), 5)
            BufferContract.in_another_connection(self, meanwhile)
            self.assertEqual(counter.value(self.user), 5)
        self.assertEqual(counter.value(self.user), 115)

    def test_with_autocommit_off_nobody_caches_what_is_not_committed(self) -> None:
        if connection.vendor == "sqlite":
            self.skipTest("a second connection would wait for the lock")
        transaction.set_autocommit(False)
        try:
            notify(self.user)
            self.assertEqual(BufferContract.in_another_connection(self, lambda: counter.value(self.user)), 0)
            transaction.commit()
        finally:
            transaction.set_autocommit(True)
        self.assertEqual(counter.value(self.user), 1)

    def test_a_reader_that_is_overtaken_reads_nothing_that_never_held(self) -> None:
        others = [User.objects.create(username=f"other{place}") for place in range(3)]
        looked: list[int] = []
        look = CounterStore.snapshot

        def late(stored: CounterStore, *args: Any, **kwargs: Any) -> Any:
            looked.append(1)
            if stored.label == counter.label and len(looked) <= 3 and not kwargs:
                with mock.patch.object(CounterStore, "snapshot", look):
                    notify(others[len(looked) - 1])
                    if len(looked) == 2:
                        notify(self.user, 10)
                    counter.flush()
            return look(stored, *args, **kwargs)

        with mock.patch.object(CounterStore, "snapshot", late):
            self.assertIn(counter.value(self.user), (0, 10))
        self.assertGreaterEqual(len(looked), 3)
        self.assertEqual(counter.value(self.user), 10)

    def test_bad_keys_in_redis_are_named_and_kept_and_the_rest_is_applied(self) -> None:
        notify(self.user)
        pending = f"{self.buffer.shards.base(counter.store(), 0)}:pending"
        self.buffer.server.client.zadd(pending, {"nobody": 4, str(self.user.pk + 1): 0.5})
        with self.assertLogs("notifications_counter", "ERROR"):
            flushed = counter.flush()
        self.assertEqual(len(flushed.problems), 2)
        self.assertIn("nobody", "".join(flushed.problems))
        self.assertEqual(self.stored(self.user), 1)
        self.assertEqual(list(Delta.objects.values_list("key", "amount")), [("nobody", 4)])


class LostDataTest(RedisTestCase):
    def test_an_emptied_server_is_noticed_and_what_comes_after_is_counted_once(self) -> None:
        notify(self.user)
        counter.flush()
        self.buffer.server.client.flushdb()
        notify(self.user)
        with self.assertLogs("notifications_counter", "ERROR"):
            flushed = counter.flush()
        self.assertIn("lost", flushed.lost[0])
        self.assertEqual(self.stored(self.user), 2)
        self.assertEqual(counter.flush().lost, [])
        self.assertEqual(counter.value(self.user), 2)

    def test_a_loss_before_the_first_batch_is_noticed(self) -> None:
        with valkey() as url:
            self.use(URL=url)
            counter.flush()
            notify(self.user)
        with valkey() as url:
            self.use(URL=url)
            with self.assertLogs("notifications_counter", "ERROR"):
                self.assertEqual(len(counter.flush().lost), 1)

    def test_a_server_that_is_emptied_before_the_first_batch_is_noticed(self) -> None:
        with valkey() as url:
            self.use(URL=url)
            counter.flush()
            notify(self.user)
            self.buffer.server.client.flushall()  # the server goes on, under the same run id
            with self.assertLogs("notifications_counter", "ERROR"):
                self.assertEqual(len(counter.flush().lost), 1)
            counter.flush()
            self.assert_exact([self.user])

    def test_a_restarted_server_is_noticed_once(self) -> None:
        with valkey() as url:
            self.use(URL=url)
            notify(self.user)
            counter.flush()
        with valkey() as url:
            self.use(URL=url)
            with self.assertLogs("notifications_counter", "ERROR"):
                self.assertEqual(len(counter.flush().lost), 1)
            self.assertEqual(counter.flush().lost, [])

    def test_a_batch_that_is_missing_before_its_end_is_noticed(self) -> None:
        notify(self.user)
        other = type(self.user).objects.create(username="other")
        notify(other)
        stops = iter([False, False, True, True, True])
        counter.flush(chunk_size=1, stop=lambda: next(stops))
        self.buffer.server.client.delete(f"{self.buffer.shards.base(counter.store(), 0)}:batch")
        with self.assertLogs("notifications_counter", "ERROR"):
            self.assertIn("being applied", counter.flush().lost[0])
        self.assert_stored_exact([self.user, other])
        notify(other)
        self.assertEqual(counter.flush().lost, [])
        self.assert_stored_exact([self.user, other])

    def test_a_batch_that_is_missing_before_its_begin_is_noticed(self) -> None:
        notify(self.user)
        self.buffer.claim(counter.store(), 0, ProgressSnapshot("", 0, 0, 0))
        self.buffer.server.client.delete(f"{self.buffer.shards.base(counter.store(), 0)}:batch")
        with self.assertLogs("notifications_counter", "ERROR"):
            self.assertIn("being applied", counter.flush().lost[0])
        self.assert_stored_exact([self.user])
        notify(self.user)
        self.assertEqual(counter.flush().lost, [])
        self.assert_stored_exact([self.user])


class UnreachableTest(RedisTestCase):
    """Nobody listens at the URL: the site works, and nothing is lost."""

    def setUp(self) -> None:
        super().setUp()
        self.use(URL="redis://127.0.0.1:1/0")

    def test_changes_wait_in_the_database_and_reads_include_them(self) -> None:
        with self.assertLogs("notifications_counter", "ERROR") as logs:
            rows = notify(self.user, 3)
            self.assertEqual(counter.value(self.user), 3)
            NotificationController(self.user).mark_as_read(rows[0].pk)
            self.assertEqual(counter.value(self.user), 2)
            with transaction.atomic():
                rows[1].delete()
                self.assertEqual(counter.value(self.user), 1)
        self.assertEqual(len(logs.records), 1, "said once, not for every request")
        self.assertEqual(Delta.objects.filter(counter=counter.label).count(), 5)

    def test_events_wait_in_the_database_too(self) -> None:
        with self.assertLogs("notifications_counter", "ERROR"):
            Click.counter.add({URL: 2})
        self.assertEqual(Click.counter.value(URL), 2)

    def test_one_flush_counts_them_when_the_server_is_back(self) -> None:
        self.use(**self.options)
        notify(self.user)
        self.assertEqual(counter.value(self.user), 1)
        self.use(URL="redis://127.0.0.1:1/0")
        with self.assertLogs("notifications_counter", "ERROR"):
            notify(self.user, 2)
        self.use(**self.options)
        counter.flush()
        self.assertEqual((counter.value(self.user), self.stored(self.user)), (3, 3))

    def test_a_server_that_does_not_answer_the_push_keeps_the_intent(self) -> None:
        with valkey() as url:
            self.use(URL=url, TIMEOUT=1)
            pause = partial(self.buffer.server.client.execute_command, "CLIENT", "PAUSE", 2500, "WRITE")
            self.at_the_commit(pause)
            with self.assertLogs("notifications_counter", "ERROR"):
                notify(self.user)
            time.sleep(2)
            self.assertEqual(self.intended(), [str(self.user.pk)])
            self.assertEqual(Notification.objects.count(), 1)


class LayoutTest(RedisTestCase):
    def test_a_flush_refuses_a_changed_number_of_shards_with_the_command_that_helps(self) -> None:
        notify(self.user)
        counter.flush()
        notify(self.user)
        self.use(**self.options, SHARDS=3)
        with self.assertRaisesMessage(BufferMismatch, "--drain"):
            counter.flush()
        with self.assertLogs("notifications_counter", "WARNING") as logs:
            notify(self.user)
            self.assertEqual(counter.value(self.user), 3)
            self.assertEqual(counter.values([self.user]), {self.user: 3})
        self.assertEqual(len(logs.output), 1)
        self.use(**self.options)
        counter.flush()
        self.assertEqual((counter.value(self.user), self.stored(self.user)), (3, 3))

    def test_a_drain_with_other_settings_is_refused(self) -> None:
        counter.flush()
        notify(self.user)
        self.use(**self.options, SHARDS=3)
        with self.assertRaisesMessage(BufferMismatch, "SHARDS 1"):
            counter.drain()
        self.use(**self.options)
        self.assertEqual(counter.value(self.user), 1)

    def test_after_a_drain_it_is_taken(self) -> None:
        from django.core.management import call_command

        notify(self.user, 2)
        counter.flush()
        notify(self.user)
        call_command("notification_update_counter", drain=True, verbosity=0)
        self.use(**self.options, SHARDS=3)
        notify(self.user)
        counter.flush()
        self.assertEqual((counter.value(self.user), self.stored(self.user)), (4, 4))


class InTestCaseTest(TestCase):
    """As in the tests of a project that uses this: nothing is ever committed."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.user = User.objects.create(username="somebody")
        notify(cls.user)

    def setUp(self) -> None:
        self.enterContext(default_buffer(BACKEND, {"URL": settings.REDIS_URL}))
        empty_redis()

    def test_reads_include_what_the_test_did(self) -> None:
        notify(self.user, 2)
        self.assertEqual(counter.value(self.user), 3)
        with self.assertRaises(Rollback), transaction.atomic():
            notify(self.user)
            raise Rollback
        self.assertEqual(counter.value(self.user), 3)

    def test_captured_callbacks_count_once_and_capture_nothing_older(self) -> None:
        called: list[int] = []
        transaction.on_commit(lambda: called.append(1))
        for value in (2, 3):
            with self.captureOnCommitCallbacks(execute=True) as callbacks, transaction.atomic():
                notify(self.user)
            self.assertEqual(called, [], "a hook from before the block was captured")
            self.assertEqual(len(callbacks), 1)
            self.assertEqual(counter.value(self.user), value)

    def test_two_blocks_in_one_capture_both_count(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            for _ in range(2):
                with transaction.atomic():
                    notify(self.user)
        self.assertEqual(counter.value(self.user), 3)
