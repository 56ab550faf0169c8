"""The status of a counter, as an operator sees it: by the command, as text and as JSON, with every buffer."""

from __future__ import annotations

import json
import time
from io import StringIO
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import override_settings

from notifications_counter.buffers import buffers
from notifications_counter.flushing.flush import Flush
from notifications_counter.ledger.tables import Delta, Progress
from notifications_counter.models import UserNotificationsCount
from notifications_counter.monitoring.status import read_status
from tests.support.base import CounterTestCase, counter, default_buffer, note_layout, notify, uses_redis
from tests.support.intents import write_intents
from tests.support.servers import free_port, valkey
from tests.testapp.models import Click

NAME = "notification_counter_status"
OURS = "notifications_counter.UserNotificationsCount"
REDIS = "notifications_counter.buffers.redis.RedisBuffer"


class StatusTestCase(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(3)
        self.user = self.users[0]

    def call(self, **options: Any) -> str:
        out = StringIO()
        call_command(NAME, stdout=out, **{"counter": [OURS], **options})
        return out.getvalue()

    def call_json(self, **options: Any) -> dict[str, Any]:
        (found,) = json.loads(self.call(json=True, **options))["counters"]
        return dict(found)

    def failing(self, **options: Any) -> tuple[str, str]:
        """What a call wrote, and the error that it ended with."""
        out = StringIO()
        with self.assertRaises(CommandError) as caught:
            call_command(NAME, stdout=out, **{"counter": [OURS], **options})
        self.assertEqual(caught.exception.returncode, 1)
        return out.getvalue(), str(caught.exception)


class CommandTest(StatusTestCase):
    def test_it_says_what_waits_and_what_the_last_flush_did(self) -> None:
        notify(self.user, 2)
        notify(self.users[1])
        said = self.call()
        self.assertIn(f"{OURS}.counter on default, buffer default\n", said)
        self.assertRegex(said, r"pending +2 keys, .*sum \+3")
        self.assertRegex(said, r"last flush +never")
        counter.flush()
        said = self.call()
        self.assertRegex(said, r"pending +0 keys, .*sum \+0")
        self.assertRegex(said, r"last flush +20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC \(\d s ago\), took \d\.\d\d s, 2 keys")

    def test_the_subjects_of_all_counters_stand_in_one_column(self) -> None:
        said = self.call(counter=None).splitlines()
        blocks = [line for line in said if line and not line.startswith(" ")]
        self.assertIn("testapp.Click.counter on default, buffer default", blocks)
        self.assertEqual({line[16:18] for line in said if line.startswith(" ")}, {"  "})

    def test_json_holds_every_attribute_under_its_name(self) -> None:
        notify(self.user, 2)
        found = self.call_json()
        self.assertEqual((found["label"], found["using"], found["keys"]), (f"{OURS}.counter", "default", 1))
        self.assertEqual((found["amount"], found["problem"], found["flush_age"]), (2, "", None))
        self.assertEqual(len(found["servers"]), uses_redis())
        counter.flush()
        found = self.call_json()
        self.assertLess(found["flush_age"], 60)
        self.assertGreater(found["flushed_seconds"], 0)
        self.assertEqual((found["flushed_keys"], found["keys"], found["amount"]), (1, 0, 0))

    def test_a_sum_is_that_of_all_places(self) -> None:
        notify(self.user, 2)
        Delta.objects.create(counter=counter.label, key=str(self.user.pk), amount=-5)
        Delta.objects.create(counter=counter.label, key=str(self.user.pk))
        status = counter.status()
        self.assertEqual((status.amount, status.recount_requests), (-3, 1))

    def test_every_flush_is_noted_even_one_without_anything_to_do(self) -> None:
        counter.flush()
        self.assertIsNotNone(counter.status().flushed_at)

    def test_the_drift_and_the_place_of_the_audit_are_said(self) -> None:
        notify(self.user)
        counter.flush()
        UserNotificationsCount.objects.filter(pk=self.user.pk).update(unread_count=4)
        Progress.objects.update(audited_at=None)
        with override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "AUDIT_INTERVAL": 1.0}):
            counter.flush()
        said = self.call()
        self.assertRegex(said, r"last drift +20.* UTC \(\d s ago\), 1 count wrong by 3")
        self.assertRegex(said, r"audit +20.* of 1 count\b")
        self.assertEqual(self.call_json()["drift_amount"], 3)

    def test_a_database_and_a_counter_that_are_none_are_said(self) -> None:
        with self.assertRaisesMessage(CommandError, "Unknown database 'nowhere'."):
            call_command(NAME, stdout=StringIO(), database="nowhere")
        with self.assertRaisesMessage(CommandError, "a.B"):
            self.call(counter=["a.B"])


class ThresholdTest(StatusTestCase):
    def test_nothing_is_wrong_within_all_of_them(self) -> None:
        notify(self.user)
        counter.flush()
        self.call(max_age=60, max_keys=0, max_intent_age=0, drift_within=3600)

    def test_too_long_without_a_flush(self) -> None:
        _, said = self.failing(max_age=60)
        self.assertEqual(said, f"{OURS}.counter: it has never been flushed, so not within 60 s.")
        counter.flush()
        time.sleep(0.6)
        _, said = self.failing(max_age=0.2)
        self.assertRegex(said, r"UserNotificationsCount.counter: the last flush was 1 s ago, more than 0.2 s\.")

    def test_too_many_keys_and_the_status_is_written_nevertheless(self) -> None:
        for user in self.users:
            notify(user)
        out, said = self.failing(max_keys=2, json=True)
        self.assertEqual(said, f"{OURS}.counter: deltas of 3 keys are pending, more than 2.")
        written = json.loads(out)
        self.assertEqual((written["wrong"], written["counters"][0]["keys"]), ([said], 3))

    def test_drift_that_was_found_a_short_time_ago(self) -> None:
        counter.flush()
        Progress.objects.update(drift_at=read_status(counter).at, drift_keys=7)
        _, said = self.failing(drift_within=60)
        self.assertRegex(said, r"the audit found 7 wrong counts \d s ago, within 60 s\.")
        time.sleep(0.3)
        self.call(drift_within=0.1)

    def test_a_wrong_threshold_is_refused_with_its_value(self) -> None:
        for value in (-1.0, float("nan"), float("inf")):
            with self.assertRaisesMessage(CommandError, f"--max-age must be a number of at least 0, not {value}."):
                self.call(max_age=value)


class RedisStatusTest(StatusTestCase):
    def setUp(self) -> None:
        super().setUp()
        if not uses_redis():
            self.skipTest("only Redis has intents, batches and a server")

    def test_an_open_intent_is_counted_with_its_age(self) -> None:
        buffer: Any = buffers["default"]
        stored, key = counter.store(), str(self.user.pk)
        self.assertEqual(buffer.intend("a transaction", {stored: [key]}), {stored: set()})
        time.sleep(1.1)
        status = counter.status()
        _, said = self.failing(max_intent_age=0)
        self.assertEqual((status.intents, status.flagged, status.recount_requests), (1, 0, 0))
        self.assertGreaterEqual(status.oldest_intent or 0, 1)
        self.assertRegex(said, r"the oldest intent is [12] s old, more than 0 s\.")
        buffer.push("a transaction", {stored: {key: 1}})
        status = counter.status()
        self.assertEqual((status.intents, status.oldest_intent), (0, None))

    def test_a_flagged_intent_is_told_from_an_open_one(self) -> None:
        base = f"nc:{{{counter.store().digest}/0}}"
        client: Any = buffers["default"].server.client  # type: ignore[attr-defined]
        now = int(time.time())
        intents = {"one": "flagged 1000", "two": now - 200_000, "recount": now}
        write_intents(client, base, str(self.user.pk), intents)
        client.zadd(f"{base}:dirty", {str(self.user.pk): time.time()})
        status = counter.status()
        self.assertEqual((status.intents, status.flagged, status.recount_requests), (2, 1, 1))
        self.assertAlmostEqual(status.oldest_intent or 0, 200_000, delta=60)  # a recount has seen the older one
        self.assertRegex(self.call(), r"intents +2 open, 1 of them flagged, the oldest 2\.3 days old")

    def test_a_look_at_intents_ends_somewhere_and_says_so(self) -> None:
        client: Any = buffers["default"].server.client  # type: ignore[attr-defined]
        base = f"nc:{{{counter.store().digest}/0}}"
        pipeline = client.pipeline()
        for key in range(10_001):
            pipeline.zadd(f"{base}:dirty", {str(key): 1})
            write_intents(pipeline, base, str(key), {"one": 1000})
            pipeline.zadd(f"{base}:pending", {str(key): 2})
        pipeline.execute()
        status = counter.status()
        self.assertEqual((status.cut, status.intents, status.keys, status.amount), (True, 10_000, 10_001, None))
        said = self.call()
        self.assertIn("at least 10000 open", said)
        self.assertIn("sum not known", said)
        client.zrem(f"{base}:dirty", "5")
        client.zrem(f"{base}:pending", "5")
        status = counter.status()
        self.assertEqual((status.cut, status.intents, status.amount), (False, 10_000, 20_000))

    def test_a_batch_in_flight_is_said_with_its_position(self) -> None:
        for user in self.users:
            notify(user)
        notify(self.users[2])
        counter.flush(chunk_size=2, stop=self.after(2))
        notify(self.user)
        status = counter.status()
        self.assertEqual((status.batch, status.position, status.size), (1, 2, 3))
        self.assertEqual((status.keys, status.amount), (2, 3))
        self.assertRegex(self.call(), r"batch +number 1, 2 of 3 keys applied")
        counter.flush()
        status = counter.status()
        self.assertEqual((status.batch, status.position, status.size, status.keys), (2, 1, 1, 0))

    def after(self, keys: int) -> Any:
        """Stops a flush as soon as a chunk of a batch has been applied."""
        return lambda: Progress.objects.filter(counter=counter.label, position=keys).exists()

    def test_a_batch_that_is_only_claimed_is_one_in_flight(self) -> None:
        notify(self.user)
        flush = Flush(counter.store())
        flush._prepare()
        flush.applier._claim(0)
        status = counter.status()
        self.assertEqual((status.batch, status.position, status.size, status.keys), (1, 0, 1, 1))

    def test_the_servers_policy_and_persistence_are_said(self) -> None:
        with (
            valkey(maxmemory="100mb", maxmemory_policy="allkeys-lru", appendonly="yes") as url,
            default_buffer(REDIS, {"URL": url}),
        ):
            (server,) = counter.status().servers
            said = self.call()
        self.assertEqual((server.policy, server.memory_limit, server.evicts), ("allkeys-lru", 100 * 2**20, True))
        self.assertEqual((server.append_only, server.snapshots, server.persists), (True, False, True))
        self.assertRegex(said, r"server +\d\.\d MiB of 100\.0 MiB, allkeys-lru; append-only file, no snapshot yet, 0 ")

    def test_a_server_that_has_written_a_snapshot_persists(self) -> None:
        with valkey() as url, default_buffer(REDIS, {"URL": url}):
            self.assertFalse(counter.status().servers[0].persists)
            client: Any = buffers["default"].server.client  # type: ignore[attr-defined]
            client.save()
            self.assertTrue(counter.status().servers[0].persists)

    def test_a_server_whose_memory_is_full_still_tells_what_waits(self) -> None:
        with valkey(maxmemory_policy="noeviction") as url, default_buffer(REDIS, {"URL": url}):
            notify(self.user, 2)
            client: Any = buffers["default"].server.client  # type: ignore[attr-defined]
            client.config_set("maxmemory", "1000")
            notify(self.user)
            status = read_status(counter)
        self.assertEqual((status.problem, status.outside, status.rows, status.amount), ("", 1, 1, 3))

    def test_without_its_server_the_database_is_still_told_and_the_exit_status_is_1(self) -> None:
        notify(self.user)
        counter.flush()
        with default_buffer(REDIS, {"URL": f"redis://127.0.0.1:{free_port()}/0"}):
            notify(self.user)
            out, said = self.failing()
            self.assertIn(f"{OURS}.counter: Redis buffer 'default'", said)
            self.assertRegex(out, r"PROBLEM +Redis buffer 'default'")
            self.assertRegex(out, r"pending +1 key, 1 row in the database; what is pending outside is not known")
            self.assertRegex(out, r"last flush +20")
            written, _ = self.failing(json=True)
            (found,) = json.loads(written)["counters"]
        self.assertEqual((found["keys"], found["outside"], found["intents"]), (1, None, None))
        self.assertIn("Redis buffer", found["problem"])

    def test_deltas_that_wait_elsewhere_than_the_settings_say_are_a_problem(self) -> None:
        notify(self.user)
        counter.flush()
        with default_buffer("notifications_counter.buffers.database.DatabaseBuffer", {}):
            _, said = self.failing()
        self.assertIn("deltas may be pending in Redis with PREFIX 'nc'", said)

    def test_events_have_no_intents(self) -> None:
        Click.counter.add({"https://example.com/": 3})
        status = Click.counter.status()
        self.assertEqual((status.keys, status.amount, status.intents), (1, 3, 0))


class ShardsTest(StatusTestCase):
    def test_the_shards_are_summed_and_their_server_is_said_once(self) -> None:
        if not uses_redis():
            self.skipTest("only Redis has shards")
        with valkey() as url, default_buffer(REDIS, {"URL": url, "SHARDS": 4}):
            note_layout()
            for user in User.objects.all():
                notify(user, 2)
            status = counter.status()
        self.assertEqual((status.keys, status.amount, len(status.servers)), (3, 6, 1))
