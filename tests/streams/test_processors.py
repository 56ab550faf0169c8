"""Processors: tables, offsets, errors, outputs, one process at a time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test import override_settings

from notifications_counter.contrib.streams import Emitter, Input, Output, Processor
from notifications_counter.contrib.streams.exceptions import (
    OffsetGone,
    ProcessingFailed,
    StreamError,
    TopicReplaced,
)
from notifications_counter.contrib.streams.partitioners import murmur2
from notifications_counter.exceptions import InvalidSettings

from .base import TOPIC, StreamsTestCase, everything
from .models import HourClicks, LastPage, Profile, Seen, UserClicks


class CountingTests(StreamsTestCase):
    def emit(self, *keys: str, topic: str = TOPIC) -> None:
        with Emitter(topic) as emitter:
            for key in keys:
                emitter.emit(key, "/")

    def clicks(self) -> dict[str, int]:
        return dict(UserClicks.objects.values_list("user", "clicks"))

    def test_a_table_of_counts_counts_each_message_for_its_key(self) -> None:
        processor = self.processor(table=UserClicks)
        self.emit("ada", "ben", "ada", "käthe")
        self.run_once(processor)
        self.assertEqual(self.clicks(), {"ada": 2, "ben": 1, "käthe": 1})
        self.emit("ada")
        self.run_once(processor)
        self.run_once(processor)
        self.assertEqual(self.clicks(), {"ada": 3, "ben": 1, "käthe": 1})
        self.assertEqual(UserClicks.counter.value("ada"), 3)
        self.assertEqual(self.offsets(processor), self.log.ends(TOPIC))

    def test_values_that_were_cached_before_are_right_after_the_commit(self) -> None:
        processor = self.processor(table=UserClicks)
        self.assertEqual(UserClicks.counter.value("ada"), 0)
        self.emit("ada")
        self.run_once(processor)
        self.assertEqual(UserClicks.counter.value("ada"), 1)
        UserClicks.counter.add({"ada": 5})
        self.emit("ada")
        self.run_once(processor)
        self.assertEqual(UserClicks.counter.value("ada"), 7)

    def test_chunks_of_any_size_count_the_same(self) -> None:
        for size in (1, 2, 7, 1000):
            with self.subTest(size=size):
                self.emit(*(f"user-{number % 5}" for number in range(20)))
                UserClicks.objects.all().delete()
                processor = self.processor(f"group-{size}", table=UserClicks, chunk_size=size, from_end=False)
                self.run_once(processor)
                counted = sum(self.clicks().values())
                self.assertEqual(counted, sum(self.log.ends(TOPIC).values()))

    def test_groups_count_by_themselves_and_a_new_one_can_begin_at_the_end(self) -> None:
        self.emit("ada", "ada")
        first, second = (
            self.processor("first", table=UserClicks),
            self.processor("second", table=UserClicks, from_end=True),
        )
        self.run_once(first)
        self.run_once(second)
        self.assertEqual(self.clicks(), {"ada": 2})
        self.emit("ada")
        self.run_once(second)
        self.assertEqual(self.clicks(), {"ada": 3})
        self.assertEqual(self.offsets(second), self.log.ends(TOPIC))

    def test_a_process_function_may_count_as_it_likes(self) -> None:
        def process(ctx: Any, message: int) -> None:
            ctx.add(message)

        processor = self.processor(inputs={TOPIC: int}, process=process, table=UserClicks)
        with Emitter(TOPIC, int) as emitter:
            for amount in (5, -2, 0):
                emitter.emit("ada", amount)
        self.run_once(processor)
        self.assertEqual(self.clicks(), {"ada": 3})

    def test_a_count_can_be_read_and_set_as_in_goka(self) -> None:
        seen: list[Any] = []

        def process(ctx: Any, message: str) -> None:
            seen.append(ctx.value)
            ctx.set_value((ctx.value or 0) + 1)

        processor = self.processor(process=process, table=UserClicks)
        self.emit("ada", "ada")
        self.run_once(processor)
        self.emit("ada")
        self.run_once(processor)
        self.assertEqual((seen, self.clicks()), ([None, 1, 2], {"ada": 3}))

    def test_windows_count_by_user_and_hour_of_the_message(self) -> None:
        processor = self.processor(table=HourClicks, window=timedelta(hours=1))
        with Emitter(TOPIC) as emitter:
            for hour, minute in ((9, 0), (9, 59), (10, 0), (8, 30)):
                emitter.emit("ada", "/", timestamp=datetime(2026, 3, 1, hour, minute, tzinfo=UTC))
        self.run_once(processor)
        found = {row.hour.hour: row.clicks for row in HourClicks.objects.filter(user="ada")}
        self.assertEqual(found, {8: 1, 9: 2, 10: 1})
        nine = datetime(2026, 3, 1, 9, tzinfo=UTC)
        self.assertEqual(HourClicks.counter.value(("ada", nine)), 2)


class StateTests(StreamsTestCase):
    def emit(self, *pairs: tuple[str, Any], codec: Any = str) -> None:
        with Emitter(TOPIC, codec) as emitter:
            for key, value in pairs:
                emitter.emit(key, value)

    def test_a_table_of_one_field_has_that_fields_value(self) -> None:
        seen: list[Any] = []

        def process(ctx: Any, message: str | None) -> None:
            seen.append((ctx.key, ctx.value))
            ctx.set_value(message)

        processor = self.processor(process=process, table=LastPage)
        self.emit(("ada", "/a"), ("ada", "/b"))
        self.run_once(processor)
        self.assertEqual(seen, [("ada", None), ("ada", "/a")])
        self.emit(("ada", "/c"), ("ben", "/x"), ("ben", None))
        self.run_once(processor)
        self.assertEqual(dict(LastPage.objects.values_list("user", "page")), {"ada": "/c"})

    def test_a_table_of_several_fields_has_a_dictionary(self) -> None:
        def process(ctx: Any, message: str) -> None:
            seen = (ctx.value or {"seen": 0})["seen"] + 1
            ctx.set_value({"name": message, "seen": seen})

        processor = self.processor(process=process, table=Profile)
        self.emit(("ada", "Ada"), ("ada", "Ada L."), ("ben", "Ben"))
        self.run_once(processor)
        self.assertEqual(
            list(Profile.objects.order_by("user").values_list("user", "name", "seen")),
            [("ada", "Ada L.", 2), ("ben", "Ben", 1)],
        )

    def test_a_message_says_where_it_comes_from(self) -> None:
        seen: list[Any] = []

        def process(ctx: Any, message: Any) -> None:
            seen.append((ctx.topic, ctx.partition, ctx.key, ctx.offset, ctx.timestamp, ctx.headers, message))

        processor = self.processor(inputs={TOPIC: "json"}, process=process)
        moment = datetime(2026, 3, 1, tzinfo=UTC)
        Emitter(TOPIC, "json").emit_sync("ada", {"page": "/"}, headers={"id": "7"}, timestamp=moment)
        self.run_once(processor)
        partition = murmur2("ada", self.partitions)
        self.assertEqual(seen, [(TOPIC, partition, "ada", 0, moment, {"id": b"7"}, {"page": "/"})])

    def test_messages_of_a_partition_come_in_their_order(self) -> None:
        seen: list[Any] = []
        processor = self.processor(process=lambda ctx, message: seen.append((ctx.partition, ctx.offset)), chunk_size=3)
        self.emit(*((f"user-{number % 9}", "/") for number in range(60)))
        self.run_once(processor)
        for partition, end in self.log.ends(TOPIC).items():
            self.assertEqual([offset for number, offset in seen if number == partition], list(range(end)))


class FailureTests(StreamsTestCase):
    def setUp(self) -> None:
        super().setUp()
        with Emitter(TOPIC) as emitter:
            for value in ("1", "2", "poison", "4"):
                emitter.emit("ada", value)
        self.partition = murmur2("ada", self.partitions)

    def seen(self) -> list[str]:
        return list(Seen.objects.order_by("id").values_list("message", flat=True))

    def note(self, ctx: Any, message: str) -> None:
        Seen.objects.create(message=message)
        if message == "poison":
            raise ValueError("no such page")

    def test_an_error_stops_before_its_message_and_names_topic_partition_and_offset(self) -> None:
        processor = self.processor(process=self.note)
        for _ in range(2):
            with self.assertRaisesMessage(
                ProcessingFailed,
                f"offset 2 of partition {self.partition} of the topic 'user-clicks' could not be processed:"
                " ValueError: no such page",
            ):
                self.run_once(processor)
            self.assertEqual(self.offsets(processor)[self.partition], 2)
            self.assertEqual(self.seen(), ["1", "2"])

    def test_the_command_ends_with_an_error_and_another_try_goes_on_where_it_was(self) -> None:
        self.processor(process=self.note)
        with self.assertRaisesMessage(CommandError, "offset 2"):
            call_command("stream_process", "mini-group", "--once", stdout=StringIO())
        processor = self.processor(process=lambda ctx, message: Seen.objects.create(message=message))
        call_command("stream_process", "mini-group", "--once", stdout=StringIO())
        self.assertEqual(self.seen(), ["1", "2", "poison", "4"])
        self.assertEqual(self.offsets(processor)[self.partition], 4)

    @override_settings(NOTIFICATIONS_COUNTER={"STREAMS": {"SESSION_TIMEOUT": 1}})
    def test_a_transaction_that_the_server_ends_because_nothing_happens_in_it_is_tried_again(self) -> None:
        if connection.vendor == "sqlite":
            self.skipTest("SQLite has no server that would end it")
        pauses = [2.0]

        def process(ctx: Any, message: str) -> None:
            if pauses:
                time.sleep(pauses.pop())
            Seen.objects.create(message=message)

        self.run_once(self.processor(process=process, chunk_size=1))
        self.assertEqual(self.seen(), ["1", "2", "poison", "4"])

    def test_a_codec_that_fails_stops_the_processor_also_where_only_keys_are_counted(self) -> None:
        processor = self.processor(inputs={TOPIC: int}, table=UserClicks)
        with self.assertRaisesMessage(ProcessingFailed, "offset 2"):
            self.run_once(processor)
        self.assertEqual(UserClicks.counter.value("ada"), 2)
        self.assertEqual(self.offsets(processor)[self.partition], 2)

    def test_an_error_of_the_context_stops_it(self) -> None:
        bad: list[Any] = [
            lambda ctx: ctx.emit("elsewhere", "ada", "x"),
            lambda ctx: ctx.lookup(Profile),
            lambda ctx: ctx.value,
            lambda ctx: ctx.loopback("ada", "x"),
            lambda ctx: ctx.add(),
        ]
        for number, call in enumerate(bad):
            processor = self.processor(f"group-{number}", process=lambda ctx, message, call=call: call(ctx))
            with self.assertRaisesMessage(ProcessingFailed, "offset 0"):
                self.run_once(processor)
            self.assertEqual(self.offsets(processor)[self.partition], 0)

    def test_a_value_that_the_database_does_not_take_stops_it_at_its_message(self) -> None:
        def process(ctx: Any, message: str) -> None:
            ctx.set_value({"seen": 1, "name": message} if message != "poison" else {"seen": None})

        processor = self.processor(process=process, table=Profile, chunk_size=3)
        with self.assertRaisesMessage(ProcessingFailed, "offset 2"):
            self.run_once(processor)
        self.assertEqual(Profile.objects.get(user="ada").name, "2")
        self.assertEqual(self.offsets(processor)[self.partition], 2)

    def test_an_integrity_error_of_the_process_function_is_one_of_its_message(self) -> None:
        def process(ctx: Any, message: str) -> None:
            if message == "poison":
                raise IntegrityError("not unique")

        with self.assertRaisesMessage(ProcessingFailed, "offset 2"):
            self.run_once(self.processor(process=process))

    def test_dead_letters_take_what_cannot_be_processed_as_it_was_and_say_why(self) -> None:
        self.log.create_topic("dead", 1)
        processor = self.processor(process=self.note, dead_letters="dead")
        self.run_once(processor)
        self.run_once(processor)
        self.assertEqual(self.seen(), ["1", "2", "4"])
        self.assertEqual(self.offsets(processor), self.log.ends(TOPIC))
        (letter,) = everything(self.log, "dead")[0]
        self.assertEqual((letter.key, letter.value), ("ada", b"poison"))
        self.assertEqual(
            dict(letter.headers),
            {
                "dead-letter-topic": b"user-clicks",
                "dead-letter-partition": b"%d" % self.partition,
                "dead-letter-offset": b"2",
                "dead-letter-error": b"ValueError: no such page",
            },
        )

    def test_a_topic_that_was_made_anew_stops_it_and_the_command_says_where_to_go_on(self) -> None:
        processor = self.processor(process=lambda ctx, message: None)
        self.run_once(processor)
        self.log.delete_topic(TOPIC)
        self.log.create_topic(TOPIC, self.partitions)
        with self.assertRaisesMessage(TopicReplaced, "stream_topics user-clicks --reset mini-group --to earliest"):
            self.run_once(processor)
        call_command("stream_topics", TOPIC, "--reset", "mini-group", "--to", "earliest", stdout=StringIO())
        self.run_once(processor)

    def test_messages_that_were_trimmed_before_they_were_read_stop_it(self) -> None:
        processor = self.processor(table=UserClicks, chunk_size=1)
        self.log.topic(TOPIC)
        call_command("stream_topics", TOPIC, "--reset", "mini-group", "--to", "earliest", stdout=StringIO())
        self.log.trim(TOPIC, 2**62, {})
        with self.assertRaisesMessage(OffsetGone, "begins at offset 4"):
            self.run_once(processor)


class SeveralTopicsTests(StreamsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log.create_topic("names", self.partitions)

    def test_topics_with_as_many_partitions_are_joined_by_key(self) -> None:
        def named(ctx: Any, message: str) -> None:
            ctx.set_value({**(ctx.value or {"seen": 0}), "name": message})

        def clicked(ctx: Any, message: str) -> None:
            value = ctx.value or {"name": "", "seen": 0}
            ctx.set_value({**value, "seen": value["seen"] + 1})

        inputs = [Input(TOPIC, str, clicked), Input("names", str, named)]
        processor = self.processor(inputs=inputs, table=Profile)
        Emitter("names").emit_sync("ada", "Ada")
        for key in ("ada", "ben", "ada"):
            Emitter(TOPIC).emit_sync(key, "/")
        self.run_once(processor)
        self.assertEqual(
            list(Profile.objects.order_by("user").values_list("user", "name", "seen")),
            [("ada", "Ada", 2), ("ben", "", 1)],
        )

    def test_topics_with_other_numbers_of_partitions_are_refused(self) -> None:
        self.log.create_topic("odd", self.partitions + 1)
        with self.assertRaisesMessage(StreamError, f"odd: {self.partitions + 1}, user-clicks: {self.partitions}"):
            self.run_once(self.processor(inputs=[TOPIC, "odd"], table=UserClicks))

    def test_lookups_read_other_tables_by_the_key_or_another_one(self) -> None:
        Profile.objects.create(user="ada", name="Ada", seen=3)
        LastPage.objects.create(user="home", page="/")
        seen: list[Any] = []

        def process(ctx: Any, message: str) -> None:
            seen.append((ctx.key, ctx.lookup(Profile), ctx.lookup(LastPage, "home"), ctx.lookup(LastPage, "nobody")))

        processor = self.processor(process=process, lookups=[Profile, LastPage])
        Emitter(TOPIC).emit_sync("ada", "/")
        Emitter(TOPIC).emit_sync("ben", "/")
        self.run_once(processor)
        self.assertEqual(sorted(seen), [("ada", {"name": "Ada", "seen": 3}, "/", None), ("ben", None, "/", None)])

    def test_outputs_take_what_is_emitted_with_the_chunk_or_nothing(self) -> None:
        def process(ctx: Any, message: str) -> None:
            ctx.emit("names", ctx.key.upper(), {"page": message}, headers={"id": "7"})
            if message == "poison":
                raise ValueError("no")

        processor = self.processor(process=process, outputs={"names": "json"})
        Emitter(TOPIC).emit_sync("ada", "/")
        Emitter(TOPIC).emit_sync("ada", "poison")
        with self.assertRaises(ProcessingFailed):
            self.run_once(processor)
        found = [record for records in everything(self.log, "names").values() for record in records]
        self.assertEqual(
            [(one.key, one.value, one.headers) for one in found], [("ADA", b'{"page":"/"}', (("id", b"7"),))]
        )
        self.assertEqual(everything(self.log, "names")[murmur2("ADA", self.partitions)], found)

    def test_the_loop_brings_messages_back_under_another_key(self) -> None:
        self.log.create_topic("mini-group-loop", self.partitions)

        def process(ctx: Any, message: str) -> None:
            ctx.loopback("all", 1)

        def looped(ctx: Any, message: int) -> None:
            ctx.add(message)

        processor = self.processor(process=process, table=UserClicks, loop=int, on_loop=looped)
        with Emitter(TOPIC) as emitter:
            for number in range(9):
                emitter.emit(f"user-{number}", "/")
        self.run_once(processor)
        self.run_once(processor)
        self.assertEqual(dict(UserClicks.objects.values_list("user", "clicks")), {"all": 9})

    def test_changes_of_the_table_are_told_to_another_topic(self) -> None:
        processor = self.processor(table=UserClicks, changes=Output("names", int), chunk_size=2)
        with Emitter(TOPIC) as emitter:
            for _ in range(5):
                emitter.emit("ada", "/")
        self.run_once(processor)
        found = [(one.key, one.value) for one in everything(self.log, "names")[murmur2("ada", self.partitions)]]
        self.assertEqual(found, [("ada", b"2"), ("ada", b"4"), ("ada", b"5")])


class DeclarationTests(StreamsTestCase):
    def test_what_cannot_work_is_refused_where_it_is_declared(self) -> None:
        bad: list[tuple[str, dict[str, Any]]] = [
            ("no inputs", {"inputs": []}),
            ("does nothing", {"inputs": TOPIC}),
            ("does nothing", {"inputs": TOPIC, "table": Profile}),
            ("no table", {"inputs": TOPIC, "table": "Profile"}),
            ("CompositePrimaryKey", {"inputs": TOPIC, "table": UserClicks, "window": timedelta(hours=1)}),
            ("no length", {"inputs": TOPIC, "table": HourClicks, "window": 3600}),
            ("no codec", {"inputs": {TOPIC: "yaml"}, "table": UserClicks}),
            ("chunk_size", {"inputs": TOPIC, "table": UserClicks, "chunk_size": 0}),
            ("neither a topic", {"inputs": [3], "table": UserClicks}),
            ("needs a table", {"inputs": TOPIC, "process": print, "changes": Output("names")}),
        ]
        for said, options in bad:
            with self.subTest(said, **options), self.assertRaisesMessage(InvalidSettings, said):
                Processor("bad", **options)

    def test_a_group_has_one_processor_and_a_group_without_any_is_refused(self) -> None:
        self.processor(table=UserClicks)
        with self.assertRaisesMessage(InvalidSettings, "two processors"):
            Processor("mini-group", inputs=TOPIC, table=UserClicks)
        with self.assertRaisesMessage(CommandError, "Did you mean 'mini-group'?"):
            call_command("stream_process", "mini-grup")
