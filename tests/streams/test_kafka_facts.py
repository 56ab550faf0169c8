"""What Kafka and its clients really do, and that nothing is lost or counted twice for all that.

Tests that begin with ``test_client`` or ``test_broker`` say how the others behave, so that it is noticed when they
change; the rest is about this package.
"""

from __future__ import annotations

import signal
import time
from itertools import pairwise
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import NewPartitions

from notifications_counter.contrib.streams import Emitter, progress
from notifications_counter.contrib.streams.exceptions import (
    DeliveryFailed,
    LogTruncated,
    LogUnavailable,
    OffsetGone,
    ProcessingFailed,
    TopicReplaced,
)
from notifications_counter.contrib.streams.logs.base import Outgoing, Position
from notifications_counter.contrib.streams.logs.kafka import KafkaLog
from notifications_counter.contrib.streams.models import Progress
from notifications_counter.contrib.streams.partitioners import murmur2

from ..servers.kafka import running
from ..support.kafka import SETTINGS, once
from .broker_case import PATIENCE
from .kafka_case import KafkaTestCase
from .models import UserClicks

#: Of 10 partitions, as Java's own partitioner has them.
TABLE = {
    "user-0": 3, "user-1": 8, "user-2": 6, "user-3": 7, "user-4": 7,
    "user-5": 6, "user-6": 3, "user-7": 4, "user-8": 1, "user-9": 9,
}  # fmt: skip


class Interrupted(Exception):
    pass


class interrupted:
    """A signal handler that raises in so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        self.previous = signal.signal(signal.SIGALRM, self.handle)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def handle(self, *args: Any) -> None:
        raise Interrupted

    def __exit__(self, *args: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.previous)


@once
class ExceptionTests(KafkaTestCase):
    def test_client_loses_what_it_has_taken_when_a_callback_fails(self) -> None:
        self.append(10)

        def fail(statistics: str) -> None:
            raise ValueError

        settings = {"bootstrap.servers": self.servers, "group.id": self.group, "auto.offset.reset": "earliest"}
        consumer = confluent_kafka.Consumer({**settings, "statistics.interval.ms": 300, "stats_cb": fail})
        self.addCleanup(consumer.close)
        consumer.assign([KafkaPartition(self.topic, 0, 0)])
        with self.assertRaises((ValueError, SystemError)):
            for _ in range(100):
                self.assertEqual(consumer.consume(1000, 5.0), [])
        self.assertEqual(consumer.position([KafkaPartition(self.topic, 0)])[0].offset, 10)

    def test_after_an_exception_a_reader_goes_on_behind_what_it_has_given(self) -> None:
        self.append(5)
        reader = self.reader(p0=0)
        self.assertEqual(self.read(reader, 5), [(0, offset) for offset in range(5)])
        for seconds in (0.05, 0.2, 0.3):
            with self.assertRaises(Interrupted), interrupted(seconds):
                while True:
                    self.assertIsNone(reader.poll(10, 1.0))
        self.append(5)
        self.assertEqual(self.read(reader, 5), [(0, offset) for offset in range(5, 10)])

    def test_each_message_counts_once_though_handlers_of_signals_raise(self) -> None:
        processor = self.processor(table=UserClicks, chunk_size=7)
        self.append(200, 0)
        self.append(200, 1)
        for seconds in (0.9, 1.0, 1.1):
            with self.assertRaises(Interrupted), interrupted(seconds):
                self.run_once(processor)
                time.sleep(5)
        self.run_once(processor)
        self.assertEqual(set(UserClicks.objects.values_list("clicks", flat=True)), {2})
        self.assertEqual(UserClicks.objects.count(), 200)

    def test_client_sits_out_its_time_before_a_handler_of_a_signal_runs_and_a_reader_does_not(self) -> None:
        consumer = self.consumer()
        consumer.assign([KafkaPartition(self.topic, 0, 0)])
        for takes, ask in ((3.0, lambda: consumer.consume(1, 3.0)), (0.0, lambda: self.reader(p0=0).poll(1, 3.0))):
            began = time.monotonic()
            with self.assertRaises(Interrupted), interrupted(0.3):
                ask()
            elapsed = time.monotonic() - began
            self.assertGreaterEqual(elapsed, takes - 0.1)
            self.assertLess(elapsed, takes + 2)


@once
class MemberTests(KafkaTestCase):
    def join(self) -> Any:
        reader = self.log.reader(self.group)
        self.addCleanup(reader.close)
        reader.join([self.topic])
        return reader

    def settle(self, *readers: Any, numbers: list[int]) -> None:
        """Wait until each has so many partitions."""

        def settled() -> bool:
            for reader in readers:
                reader.given()
                self.assertIsNone(reader.poll(10, 0.1))
            return sorted(len(reader.given()) for reader in readers) == sorted(numbers)

        self.until(settled)

    def test_client_reads_from_the_offset_of_the_group_when_on_assign_has_failed(self) -> None:
        self.append(10)
        committing = self.consumer()
        committing.commit(offsets=[KafkaPartition(self.topic, 0, 7)], asynchronous=False)

        def fail(consumer: Any, partitions: Any) -> None:
            raise ValueError("the database is away")

        consumer = self.consumer(group_protocol="classic")
        consumer.subscribe([self.topic], on_assign=fail)
        with self.assertRaises((ValueError, SystemError, KafkaException)):
            for _ in range(100):
                consumer.poll(0.1)
        found = self.until(lambda: consumer.poll(0.1))
        self.assertIn(found.offset(), (7, 8))  # whatever it had taken with the exception is lost, too

    def test_a_member_reads_nothing_before_it_is_told_from_where_whatever_the_group_has_committed(self) -> None:
        self.append(10)
        self.consumer().commit(offsets=[KafkaPartition(self.topic, 0, 7)], asynchronous=False)
        reader = self.join()
        self.settle(reader, numbers=[2])
        self.assertIsNone(reader.poll(10, 1.0))
        reader.assign(self.positions(p0=2, p1=0))
        self.assertEqual(self.read(reader, 8), [(0, offset) for offset in range(2, 10)])

    def test_client_cannot_seek_in_on_assign_and_what_is_set_there_has_no_effect(self) -> None:
        self.append(10)
        failed: list[Any] = []

        def on_assign(consumer: Any, partitions: Any) -> None:
            for one in partitions:
                one.offset = 5
                try:
                    consumer.seek(one)
                except KafkaException as error:
                    failed.append(error.args[0].code())

        consumer = self.consumer()
        consumer.subscribe([self.topic], on_assign=on_assign)
        found: list[Any] = []
        self.until(lambda: found.extend(consumer.consume(10, 0.1)) or found)
        self.assertEqual(len(failed), 2)
        self.assertLessEqual(set(failed), {KafkaError._STATE, KafkaError._UNKNOWN_PARTITION})
        self.assertEqual(found[0].offset(), 0)

    def test_a_partition_that_comes_back_to_a_member_is_read_on_from_where_it_is_told(self) -> None:
        self.append(4, 0)
        self.append(4, 1)
        first = self.join()
        self.settle(first, numbers=[2])
        first.assign(self.positions(p0=0, p1=0))
        self.assertEqual(len(self.read(first, 8)), 8)
        second = self.join()
        self.settle(first, second, numbers=[1, 1])
        (moved,) = second.given()
        (kept,) = first.given()
        first.assign({kept: Position(0, self.log.topic(self.topic).uid)})  # which it knows better
        self.append(2, moved.partition)
        second.assign(self.positions(**{f"p{moved.partition}": 4}))
        self.assertEqual(self.read(second, 2), [(moved.partition, 4), (moved.partition, 5)])
        second.close()
        self.settle(first, numbers=[2])
        first.assign(self.positions(p0=4, p1=4) | self.positions(**{f"p{moved.partition}": 6}))
        self.append(1, 0)
        self.append(1, 1)
        end = {kept.partition: 4, moved.partition: 6}
        self.assertEqual(sorted(self.read(first, 2)), sorted(end.items()))

    def test_partitions_that_do_not_move_are_read_on_while_others_do(self) -> None:
        first = self.join()
        self.settle(first, numbers=[2])
        first.assign(self.positions(p0=0, p1=0))
        second = self.join()
        read: dict[int, list[float]] = {0: [time.monotonic()], 1: [time.monotonic()]}
        end = time.monotonic() + PATIENCE
        while (len(first.given()) != 1 or len(second.given()) != 1) and time.monotonic() < end:
            self.append(1, 0)
            self.append(1, 1)
            second.poll(10, 0)
            batch = first.poll(10, 0.05)
            if batch is not None:
                read[batch.source.partition].append(time.monotonic())
        self.assertEqual(len(second.given()), 1)
        (kept,) = first.given()
        moments = read[kept.partition]
        self.assertGreater(len(moments), 3)
        self.assertLess(max(after - before for before, after in pairwise(moments)), 1.0)

    def test_a_member_may_commit_offsets_of_what_is_not_its_own_and_they_change_nothing(self) -> None:
        processor = self.processor(table=UserClicks)
        self.append(10)
        self.consumer().commit(offsets=[KafkaPartition(self.topic, 0, 9)], asynchronous=False)
        self.run_once(processor)
        self.assertEqual(UserClicks.objects.count(), 10)

    def test_the_offsets_of_the_group_tell_others_how_far_it_has_got(self) -> None:
        self.append(10)
        self.run_once(self.processor(table=UserClicks))
        wanted = confluent_kafka.ConsumerGroupTopicPartitions(self.group)

        def committed() -> bool:
            found = self.admin().list_consumer_group_offsets([wanted])[self.group].result().topic_partitions
            return {(one.partition, one.offset) for one in found} >= {(0, 10)}

        self.until(committed)

    def test_client_says_of_a_fatal_error_that_it_is_none_and_a_reader_goes_by_its_code(self) -> None:
        self.assertFalse(KafkaError(KafkaError._FATAL).fatal())
        options = {"SERVERS": self.servers, "GROUP_PROTOCOL": "classic", "CLIENT": {"group.instance.id": "one"}}
        log = KafkaLog("other", options)
        first, second = log.reader(self.group), log.reader(self.group)
        for reader in (first, second):
            self.addCleanup(reader.close)
            reader.join([self.topic])
        self.settle(first, numbers=[2])
        with self.assertRaisesMessage(LogUnavailable, "fenced"):
            for _ in range(100):
                second.poll(10, 0.1)
                first.poll(10, 0.1)


@once
class TopicTests(KafkaTestCase):
    def test_client_goes_on_in_a_topic_that_was_made_anew_and_a_reader_does_not(self) -> None:
        self.append(3)
        consumer = self.consumer(**{"auto.offset.reset": "error", "topic.metadata.refresh.interval.ms": 200})
        consumer.assign([KafkaPartition(self.topic, 0, 0)])
        self.until(lambda: (message := consumer.poll(0.1)) and message.offset() == 2)
        reader = self.reader(p0=0)
        self.assertEqual(len(self.read(reader, 3)), 3)
        self.log.delete_topic(self.topic)
        self.log.create_topic(self.topic, self.partitions)
        self.append(5)
        with self.assertRaisesMessage(TopicReplaced, f"--reset {self.group}"):
            self.read(reader, 1)
        message = self.until(lambda: consumer.poll(0.1))
        while message is None or message.error() is not None:
            message = self.until(lambda: consumer.poll(0.1))
        self.assertEqual(message.offset(), 3)

    def test_a_processor_stops_at_a_topic_that_was_made_anew_until_it_is_told_where_to_go_on(self) -> None:
        processor = self.processor(table=UserClicks)
        self.append(3)
        self.run_once(processor)
        self.log.delete_topic(self.topic)
        self.log.create_topic(self.topic, self.partitions)
        self.append(5)
        with self.assertRaisesMessage(TopicReplaced, "was made anew"):
            self.run_once(processor)
        self.assertEqual(UserClicks.objects.count(), 3)

    def test_broker_takes_old_messages_and_deletes_them_soon_and_the_gap_stops_a_processor(self) -> None:
        self.topic_with(retention_ms="3600000")
        processor = self.processor(table=UserClicks)
        month_ago = (time.time_ns() // 1_000_000) - 30 * 86_400_000
        self.run_once(processor)
        self.log.append(self.topic, [Outgoing(0, "ada", b"/", month_ago)])
        self.until(lambda: self.log.begins(self.topic)[0] == 1)
        with self.assertRaisesMessage(OffsetGone, "begins at offset 1"):
            self.append(1)
            self.run_once(processor)

    def test_ends_of_transactions_are_passed_and_open_ones_are_not(self) -> None:
        producer = self.producer(transactional_id=self.group)
        producer.init_transactions(10)
        producer.begin_transaction()
        producer.produce(self.topic, b"/", b"ada", 0)
        producer.commit_transaction(10)
        self.until(lambda: self.log.ends(self.topic)[0] == 2)  # one message, and the end of the transaction
        processor = self.processor(table=UserClicks)
        self.run_once(processor)
        self.assertEqual((UserClicks.objects.count(), self.offsets()[0]), (1, 2))
        producer.begin_transaction()
        producer.produce(self.topic, b"/", b"ben", 0)
        producer.flush(10)
        self.assertEqual(self.log.ends(self.topic)[0], 2)
        self.run_once(processor)
        self.assertEqual((UserClicks.objects.count(), self.offsets()[0]), (1, 2))
        producer.abort_transaction(10)
        self.until(lambda: self.log.ends(self.topic)[0] == 4)
        self.run_once(processor)
        self.assertEqual((UserClicks.objects.count(), self.offsets()[0]), (1, 4))

    def test_client_tells_the_last_stable_offset_when_asked_and_the_real_end_from_memory(self) -> None:
        self.append(1)
        producer = self.producer(transactional_id=self.group)
        producer.init_transactions(10)
        producer.begin_transaction()
        producer.produce(self.topic, b"/", b"ben", 0)
        producer.flush(10)
        consumer = self.consumer()
        consumer.assign([KafkaPartition(self.topic, 0, 0)])
        self.until(lambda: consumer.poll(0.1))
        self.assertEqual(consumer.get_watermark_offsets(KafkaPartition(self.topic, 0), 10)[1], 1)
        self.until(lambda: consumer.poll(0.1) or True)
        self.assertEqual(consumer.get_watermark_offsets(KafkaPartition(self.topic, 0), cached=True)[1], 2)
        producer.abort_transaction(10)

    def test_tombstones_and_empty_messages_are_messages_though_the_client_has_them_false(self) -> None:
        self.append(1, value=None)
        self.append(1, value=b"")
        consumer = self.consumer()
        consumer.assign([KafkaPartition(self.topic, 0, 0)])
        found: list[Any] = []
        self.until(lambda: found.extend(consumer.consume(10, 0.1)) or len(found) == 2)
        self.assertEqual([bool(one) for one in found], [False, False])
        seen: list[Any] = []
        processor = self.processor(process=lambda ctx, message: seen.append(message))
        self.run_once(processor)
        self.assertEqual(seen, [None, ""])

    def test_a_key_that_is_no_text_stops_the_processor_at_its_offset(self) -> None:
        self.append(1)
        producer = self.producer()
        producer.produce(self.topic, b"/", b"\xff\xfe", 0)
        producer.flush(10)
        with self.assertRaisesMessage(ProcessingFailed, "offset 1 of partition 0"):
            self.run_once(self.processor(table=UserClicks))
        self.assertEqual(self.offsets()[0], 1)


@once
class LeaderEpochTests(KafkaTestCase):
    """An unclean election as it looks afterwards: the leader epoch of what was read has ended before the offset."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = cls.enterClassContext(running(settings=SETTINGS))
        cls.servers = cls.server.servers

    def setUp(self) -> None:
        super().setUp()
        self.append(10)
        self.server.stop()
        self.server.start()
        self.until(lambda: self.append(5))

    def test_the_epoch_is_stored_with_the_offset(self) -> None:
        self.run_once(self.processor(table=UserClicks))
        row = Progress.objects.get(group=self.group, partition=0)
        self.assertEqual(row.offset, 15)
        self.assertGreater(row.leader_epoch or 0, 0)
        self.append(1)
        self.run_once(self.processor(table=UserClicks))
        self.assertEqual(UserClicks.counter.value("user-0"), 3)

    def test_a_log_that_was_cut_off_stops_a_processor_with_what_to_do(self) -> None:
        processor = self.processor(table=UserClicks)
        self.run_once(processor)
        # As if the leader of epoch 0 had written two messages more, which the next one has never had.
        Progress.objects.filter(group=self.group, partition=0).update(offset=12, leader_epoch=0)
        with self.assertRaisesMessage(LogTruncated, f"--reset {self.group} --to OFFSET"):
            self.run_once(processor)
        self.assertEqual(self.offsets()[0], 12)
        progress.reset(processor, self.topic, {0: 10})
        self.run_once(processor)
        self.assertEqual(self.offsets()[0], 15)


@once
class EmittingTests(KafkaTestCase):
    partitions = 10

    def partitions_of(self, emit: Any) -> dict[str, int]:
        """Where each key is, after something was emitted."""
        begins = self.log.ends(self.topic)
        emit()
        found: dict[str, int] = {}
        ends = self.log.ends(self.topic)
        for number, begin in begins.items():
            reader = self.reader(**{f"p{number}": begin})
            while begin < ends[number]:
                batch = reader.poll(100, PATIENCE)
                assert batch is not None
                found |= {record.key: number for record in batch.records}
                begin = batch.next_offset
            reader.close()
        return found

    def test_keys_have_the_partitions_of_javas_clients_and_not_those_of_this_clients_default(
        self,
    ) -> None:
        def emit_by(partitioner: str) -> Any:
            producer = self.producer(partitioner=partitioner)

            def emit() -> None:
                for key in TABLE:
                    producer.produce(self.topic, b"/", key.encode())
                producer.flush(10)

            return emit

        def emit() -> None:
            with Emitter(self.topic) as emitter:
                for key in TABLE:
                    emitter.emit(key, "/")

        self.assertEqual({key: murmur2(key, 10) for key in TABLE}, TABLE)
        self.assertEqual(self.partitions_of(emit), TABLE)
        self.assertEqual(self.partitions_of(emit_by("murmur2_random")), TABLE)
        self.assertNotEqual(self.partitions_of(emit_by("consistent_random")), TABLE)  # its default, CRC32

    def test_client_keeps_the_old_partitions_after_some_were_added_and_an_emitter_does_not(self) -> None:
        producer = self.producer(partitioner="murmur2_random")
        producer.produce(self.topic, b"/", b"ada")
        producer.flush(10)
        with Emitter(self.topic) as emitter:
            emitter.emit("ada", "/")
            emitter.finish()
            self.admin().create_partitions([NewPartitions(self.topic, 30)])[self.topic].result()
            self.until(lambda: len(self.log.ends(self.topic)) == 30)
            key = next(f"user-{one}" for one in range(100) if murmur2(f"user-{one}", 30) >= 10)
            self.assertEqual(emitter.emit_sync(key, "/").partition, murmur2(key, 30))
            delivered: list[int] = []
            producer.produce(
                self.topic, b"/", key.encode(), on_delivery=lambda _, one: delivered.append(one.partition())
            )
            producer.flush(10)
        self.assertEqual(delivered, [murmur2(key, 10)])

    def test_broker_refuses_a_whole_batch_for_one_record_and_each_message_is_told_what_became_of_it(self) -> None:
        self.topic_with(max_message_bytes="2000")
        now = time.time_ns() // 1_000_000
        for bad in (Outgoing(0, "bad", b"x" * 5_000, now), Outgoing(0, "bad", b"/", now + 2 * 3_600_000)):
            before = self.log.ends(self.topic)
            messages = [
                Outgoing(0, "ada", b"/", now),
                bad,
                Outgoing(0, "ben", b"/", now),
                Outgoing(1, "eve", b"/", now),
            ]
            with self.assertRaisesMessage(DeliveryFailed, "messages were not delivered") as raised:
                self.log.append(self.topic, messages)
            outcomes = raised.exception.outcomes
            self.assertEqual([isinstance(one, Exception) for one in outcomes[1::2]], [True, False])
            there = sum(self.log.ends(self.topic).values()) - sum(before.values())
            self.assertEqual(there, sum(not isinstance(one, Exception) for one in outcomes))
            self.log.append(self.topic, [messages[0]])  # the producer is not lost by it

    def test_an_emitter_tells_each_callback_of_its_own_message(self) -> None:
        self.topic_with(max_message_bytes="2000")
        told: dict[str, Any] = {}
        with self.assertLogs("notifications_counter", "ERROR"), Emitter(self.topic) as emitter:
            for key, value in (("user-1", "/"), ("user-2", "x" * 5_000)):
                emitter.emit(
                    key, value, callback=lambda delivery, error, key=key: told.update({key: delivery or error})
                )
        self.assertEqual(told["user-1"][:2], (self.topic, TABLE["user-1"]))
        self.assertIsInstance(told["user-2"], DeliveryFailed)
