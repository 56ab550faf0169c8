"""Topics by a command, status, metrics, checks, visitors."""

from __future__ import annotations

import threading
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings
from prometheus_client import CollectorRegistry

from notifications_counter.contrib.streams import Emitter, checks
from notifications_counter.contrib.streams.metrics import register
from notifications_counter.contrib.streams.running import Runner
from notifications_counter.contrib.streams.status import status_of
from notifications_counter.contrib.streams.visiting import visit

from .base import TOPIC, StreamsTestCase
from .models import Profile, UserClicks


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


class TopicsTests(StreamsTestCase):
    def test_topics_are_made_listed_shown_and_deleted(self) -> None:
        self.assertIn("orders: made, with 12 partitions", run("stream_topics", "orders", "--partitions", "12"))
        Emitter("orders").emit_sync("ada", "/")
        self.assertIn("orders: 12 partitions, 1 messages", run("stream_topics"))
        self.assertIn("orders, partition 3: offsets 0 to ", run("stream_topics", "orders"))
        run("stream_topics", "orders", "--delete")
        self.assertNotIn("orders", run("stream_topics"))

    def test_what_cannot_be_is_refused_with_what_to_do(self) -> None:
        for said, arguments in {
            "already": (TOPIC, "--partitions", "4"),
            "cannot be a topic": ("no spaces", "--partitions", "4"),
            "not 0": ("orders", "--partitions", "0"),
            "Did you mean 'user-clicks'?": ("user-click",),
            "such as 7d": (TOPIC, "--trim", "7 weeks"),
            "Name the topic": ("--delete",),
            "no group": (TOPIC, "--reset", "nobody", "--to", "earliest"),
        }.items():
            with self.subTest(said), self.assertRaisesRegex(CommandError, said.replace("?", r"\?") + "|Unknown group"):
                run("stream_topics", *arguments)

    def test_a_trim_keeps_what_a_group_has_yet_to_apply(self) -> None:
        processor = self.processor(table=UserClicks)
        for _ in range(3):
            Emitter(TOPIC).emit_sync("ada", "/", timestamp=1)
        self.run_once(processor)
        Emitter(TOPIC).emit_sync("ada", "/", timestamp=1)
        self.assertIn("3 messages deleted", run("stream_topics", TOPIC, "--trim", "7d"))
        self.run_once(processor)
        self.assertEqual(UserClicks.counter.value("ada"), 4)

    def test_a_group_goes_on_where_it_is_told_to(self) -> None:
        processor = self.processor(table=UserClicks)
        for _ in range(3):
            Emitter(TOPIC).emit_sync("ada", "/")
        self.run_once(processor)
        run("stream_topics", TOPIC, "--reset", "mini-group", "--to", "1")
        self.run_once(processor)
        self.assertEqual(UserClicks.counter.value("ada"), 5)
        run("stream_topics", TOPIC, "--reset", "mini-group", "--to", "earliest")
        run("stream_topics", TOPIC, "--reset", "mini-group", "--to", "latest")
        self.run_once(processor)
        self.assertEqual(UserClicks.counter.value("ada"), 5)
        with self.assertRaisesMessage(CommandError, "--to must be"):
            run("stream_topics", TOPIC, "--reset", "mini-group", "--to", "noon")


class StatusTests(StreamsTestCase):
    def test_each_partition_says_how_far_it_is_and_who_has_it(self) -> None:
        processor = self.processor(table=UserClicks)
        self.assertEqual(status_of(processor), [])
        runner = Runner(processor)
        runner.begin()
        Emitter(TOPIC).emit_sync("ada", "/")
        while not runner.step():
            pass
        Emitter(TOPIC).emit_sync("ada", "/")
        found = {one.partition: one for one in status_of(processor)}
        (busy,) = [one for one in found.values() if one.end]
        self.assertEqual((busy.offset, busy.end, busy.lag, busy.messages, busy.generation), (1, 2, 1, 1, 1))
        self.assertRegex(busy.owner, r":\d+$")
        self.assertGreater(busy.rate, 0)
        self.assertIsNotNone(busy.applied_at)
        runner.end()
        self.assertEqual({one.owner for one in status_of(processor)}, {""})

    def test_prometheus_reads_the_same(self) -> None:
        processor = self.processor(table=UserClicks)
        self.run_once(processor)
        partition = Emitter(TOPIC).emit_sync("ada", "/").partition
        registry = CollectorRegistry()
        with self.assertLogs("notifications_counter", "ERROR"):  # of the group whose topic is not there
            register(registry)
            labels = {"group": "mini-group", "topic": TOPIC, "partition": str(partition)}
            self.assertEqual(registry.get_sample_value("notifications_counter_stream_lag", labels), 1)
            up = {
                group: registry.get_sample_value("notifications_counter_stream_up", {"group": group})
                for group in ("mini-group", "faults")
            }
        self.assertEqual(up, {"mini-group": 1, "faults": 0})


class ChecksTests(StreamsTestCase):
    def found(self) -> list[str]:
        databases = ["default"]
        messages = [*checks.check_settings(), *checks.check_processors(), *checks.check_topics(databases=databases)]
        return [f"{one.id} {one.msg}" for one in messages if one.obj != "faults"]

    def test_topics_that_are_missing_or_do_not_match_are_found(self) -> None:
        self.processor(table=UserClicks, dead_letters="dead")
        (said,) = self.found()
        self.assertIn("W120", said)
        self.assertIn("stream_topics dead", said)
        self.log.create_topic("dead", 1)
        self.assertEqual(self.found(), [])
        self.processor(inputs=[TOPIC, "dead"], table=UserClicks)
        self.assertIn("different numbers of partitions", self.found()[0])

    def test_settings_are_checked(self) -> None:
        for value, said in {
            "LOGS": ({"LOGS": {"default": {"BACKEND": "no.such.Log"}}}, "no.such.Log"),
            "OPTIONS": ({"LOGS": {"default": {"BACKEND": EMBEDDED, "OPTIONS": {"DATABAS": "x"}}}}, "DATABASE"),
            "alias": ({"LOGS": {"default": {"BACKEND": EMBEDDED, "OPTIONS": {"DATABASE": "x"}}}}, "'x'"),
            "SESSION_TIMEOUT": ({"SESSION_TIMEOUT": 0}, "SESSION_TIMEOUT"),
            "CHUNK_SIZE": ({"CHUNK_SIZE": 1.5}, "CHUNK_SIZE"),
            "unknown": ({"CHUNKSIZE": 1}, "Did you mean 'CHUNK_SIZE'?"),
        }.values():
            with self.subTest(said), override_settings(NOTIFICATIONS_COUNTER={"STREAMS": value}):
                self.assertIn(said, checks.check_settings()[0].msg)

    def test_a_processor_whose_log_is_not_in_the_settings_is_found(self) -> None:
        self.processor(table=UserClicks, log="kafka")
        self.assertIn("kafka", checks.check_processors()[0].msg)


class VisitorTests(StreamsTestCase):
    def test_a_visitor_changes_all_values_and_tells_its_progress(self) -> None:
        Profile.objects.bulk_create(Profile(user=f"user-{number:04}", seen=number) for number in range(1_200))
        told: list[tuple[int, Any]] = []
        processor = self.processor(process=print, table=Profile)
        number = visit(
            processor,
            lambda key, value: None if value["seen"] == 7 else {**value, "seen": value["seen"] + 1},
            progress=lambda visited, last: told.append((visited, last)),
        )
        self.assertEqual(number, 1_200)
        self.assertEqual(told, [(500, "user-0499"), (1_000, "user-0999"), (1_200, "user-1199")])
        found = dict(Profile.objects.values_list("user", "seen"))
        self.assertEqual(found, {f"user-{number:04}": number + 1 for number in range(1_200) if number != 7})

    def test_it_goes_on_behind_a_key_and_takes_a_prefix(self) -> None:
        UserClicks.objects.bulk_create(UserClicks(user=user, clicks=1) for user in ("a1", "a2", "a3", "b1"))
        processor = self.processor(table=UserClicks)
        self.assertEqual(visit(processor, lambda key, value: 0, prefix="a", after="a1"), 2)
        self.assertEqual(dict(UserClicks.objects.values_list("user", "clicks")), {"a1": 1, "a2": 0, "a3": 0, "b1": 1})

    def test_it_is_safe_while_messages_are_counted(self) -> None:
        processor = self.processor(table=UserClicks, chunk_size=5)
        visited = self._visit_beside(processor, lambda key, value: value + 1)
        self.assertEqual(sum(UserClicks.objects.values_list("clicks", flat=True)), 200 + visited)

    def test_it_is_safe_while_a_state_changes(self) -> None:
        def process(ctx: Any, message: str) -> None:
            ctx.set_value({"seen": (ctx.value or {"seen": 0})["seen"] + 1})

        processor = self.processor(process=process, table=Profile, chunk_size=5)
        visited = self._visit_beside(processor, lambda key, value: {**value, "seen": value["seen"] + 1})
        self.assertEqual(sum(Profile.objects.values_list("seen", flat=True)), 200 + visited)

    def _visit_beside(self, processor: Any, function: Any) -> int:
        """Process 200 messages, and visit all keys as often as it takes; how many keys were visited."""
        with Emitter(TOPIC) as emitter:
            for number in range(200):
                emitter.emit(f"user-{number % 20}", "/")

        def process() -> None:
            self.run_once(processor)
            connections.close_all()

        thread, visited = threading.Thread(target=process), 0
        thread.start()
        while thread.is_alive():
            visited += visit(processor, function)
        self.assertGreater(visited, 0)
        return visited


EMBEDDED = "notifications_counter.contrib.streams.logs.embedded.EmbeddedLog"
