"""What every log must do. A log's own tests are this, with its own ``make_log``."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from django.db import connections

from notifications_counter.contrib.streams.exceptions import InvalidTopic, OffsetGone, TopicReplaced, UnknownTopic
from notifications_counter.contrib.streams.logs.base import Log, Outgoing, Position, TopicPartition

from .base import everything, message

if TYPE_CHECKING:
    from django.test import TransactionTestCase as Base
else:
    Base = object


class LogContract(Base):
    """Mixed into a test case.

    Attributes:
        topic_prefix: before the names of topics, on a server that others use too.
    """

    topic_prefix = ""
    #: The offset of the first message of a topic; those of these tests are counted from there.
    first = 0
    #: Seconds in which a message arrives that was appended.
    patience = 10.0

    def make_log(self) -> Log:
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.log = self.make_log()
        self.topic = f"{self.topic_prefix}clicks"
        self.info = self.log.create_topic(self.topic, 3)

    def positions(self, **offsets: int) -> dict[TopicPartition, Position]:
        """Positions in partitions: ``p0=5`` is offset 5 in partition 0."""
        return {
            TopicPartition(self.topic, int(name[1:])): Position(self.first + offset, self.info.uid)
            for name, offset in offsets.items()
        }

    def poll_all(self, reader: Any, number: int, limit: int = 100) -> list[tuple[int, int]]:
        """Partition and offset of so many messages, in the order in which they come."""
        found: list[tuple[int, int]] = []
        end = time.monotonic() + self.patience
        while len(found) < number and time.monotonic() < end:
            batch = reader.poll(limit, 1.0)
            if batch is not None:
                found += [(batch.source.partition, record.offset - self.first) for record in batch.records]
        return found

    def append(self, *messages: Outgoing) -> list[int]:
        return [offset - self.first for offset in self.log.append(self.topic, messages)]

    def ends(self) -> dict[int, int]:
        return {number: end - self.first for number, end in self.log.ends(self.topic).items()}

    # Topics

    def test_a_topic_is_known_by_its_name_its_partitions_and_an_identity(self) -> None:
        self.assertEqual(self.info.name, self.topic)
        self.assertEqual(self.log.topic(self.topic), self.info)
        self.assertEqual(self.info.partitions, 3)
        self.assertIn(self.info, self.log.topics())
        self.assertTrue(self.info.uid)

    def test_a_topic_that_is_not_there_is_refused_with_what_to_do(self) -> None:
        nobody = f"{self.topic_prefix}nobody"
        for call in (self.log.topic, self.log.ends, self.log.begins, self.log.delete_topic):
            with self.assertRaisesMessage(UnknownTopic, "nobody"):
                call(nobody)
        with self.assertRaisesMessage(UnknownTopic, "nobody"):
            self.log.append(nobody, [message(0, "ada")])

    def test_a_topic_cannot_be_made_twice_nor_without_partitions_nor_with_a_name_of_spaces(self) -> None:
        with self.assertRaisesMessage(InvalidTopic, self.topic):
            self.log.create_topic(self.topic, 3)
        with self.assertRaises(InvalidTopic):
            self.log.create_topic(f"{self.topic_prefix}none", 0)
        with self.assertRaises(InvalidTopic):
            self.log.create_topic(f"{self.topic_prefix} with spaces", 1)
        self.assertEqual(self.log.topic(self.topic), self.info)

    def test_a_topic_that_is_made_anew_has_another_identity_and_begins_anew(self) -> None:
        self.log.append(self.topic, [message(0, "ada")])
        self.log.delete_topic(self.topic)
        with self.assertRaises(UnknownTopic):
            self.log.topic(self.topic)
        anew = self.log.create_topic(self.topic, 3)
        self.assertNotEqual(anew.uid, self.info.uid)
        self.assertEqual(self.ends(), {0: 0, 1: 0, 2: 0})

    # Messages

    def test_offsets_of_each_partition_begin_with_0_and_grow_by_1(self) -> None:
        offsets = self.append(*(message(place % 2, "ada") for place in range(6)))
        self.assertEqual(offsets, [0, 0, 1, 1, 2, 2])
        self.assertEqual(self.append(message(1, "ada")), [3])
        self.assertEqual(self.ends(), {0: 3, 1: 4, 2: 0})
        self.assertEqual(self.log.begins(self.topic), dict.fromkeys(range(3), self.first))

    def test_a_message_comes_back_as_it_was(self) -> None:
        now = time.time_ns() // 1_000_000
        sent = [
            Outgoing(0, "ada", b"value", now, (("id", b"\x00\xff"), ("id", b"2"))),
            Outgoing(0, "käthe ✓ 'quoted' \\ {}", b"\x00\x01\xff", now + 1),
            Outgoing(0, "tombstone", None, now),
            Outgoing(0, "empty", b"", now),
            Outgoing(0, None, b"without a key", now),
            Outgoing(0, "", b"with an empty one", now),
        ]
        self.log.append(self.topic, sent)
        found = everything(self.log, self.topic)[0]
        self.assertEqual([record.offset - self.first for record in found], list(range(len(sent))))
        self.assertEqual([tuple(record)[1:] for record in found], [tuple(one)[1:] for one in sent])

    def test_a_partition_that_is_not_there_is_refused_and_nothing_is_appended(self) -> None:
        with self.assertRaisesMessage(UnknownTopic, "partition"):
            self.log.append(self.topic, [message(0, "ada"), message(3, "ada")])
        self.assertEqual(self.ends(), {0: 0, 1: 0, 2: 0})

    def test_nothing_appended_is_nothing(self) -> None:
        self.assertEqual(self.log.append(self.topic, []), [])

    # Reading

    def test_a_reader_begins_where_it_is_told_and_reads_on(self) -> None:
        self.log.append(self.topic, [message(0, "ada") for _ in range(5)])
        reader = self.log.reader("group")
        self.addCleanup(reader.close)
        reader.assign(self.positions(p0=3))
        self.assertEqual(self.poll_all(reader, 2), [(0, 3), (0, 4)])
        self.assertIsNone(reader.poll(10, 0.05))
        self.log.append(self.topic, [message(0, "ada")])
        self.assertEqual(self.poll_all(reader, 1), [(0, 5)])

    def test_a_batch_says_where_to_go_on_and_has_no_more_than_asked_for(self) -> None:
        self.log.append(self.topic, [message(0, "ada") for _ in range(5)])
        reader = self.log.reader("group")
        self.addCleanup(reader.close)
        reader.assign(self.positions(p0=0))
        sizes, last = [], 0
        while last < 5:
            batch = reader.poll(2, self.patience)
            assert batch is not None
            self.assertEqual(batch.source, TopicPartition(self.topic, 0))
            self.assertEqual(batch.records[0].offset, self.first + last)
            sizes.append(len(batch.records))
            last = batch.next_offset - self.first
        self.assertLessEqual(max(sizes), 2)
        self.assertEqual(sum(sizes), 5)

    def test_partitions_take_turns(self) -> None:
        self.log.append(self.topic, [message(place % 2, "ada") for place in range(400)])
        reader = self.log.reader("group")
        self.addCleanup(reader.close)
        reader.assign(self.positions(p0=0, p1=0))
        first_half = self.poll_all(reader, 200, limit=5)
        self.assertEqual({partition for partition, _ in first_half}, {0, 1})
        rest = self.poll_all(reader, 400 - len(first_half), limit=5)
        for number in (0, 1):
            read = [offset for partition, offset in first_half + rest if partition == number]
            self.assertEqual(read, list(range(200)))

    def test_partitions_come_and_go_and_those_that_stay_go_on(self) -> None:
        self.log.append(self.topic, [message(place % 3, "ada") for place in range(6)])
        reader = self.log.reader("group")
        self.addCleanup(reader.close)
        reader.assign(self.positions(p0=0, p1=0))
        self.assertEqual(sorted(self.poll_all(reader, 4)), [(0, 0), (0, 1), (1, 0), (1, 1)])
        reader.assign(self.positions(p0=0, p2=1))  # of partition 0 it knows better
        self.assertEqual(self.poll_all(reader, 1), [(2, 1)])
        self.log.append(self.topic, [message(0, "ada"), message(1, "ada")])
        self.assertEqual(self.poll_all(reader, 1), [(0, 2)])
        self.assertIsNone(reader.poll(10, 0.05))

    def test_a_partition_that_comes_does_not_wait_for_the_end_of_others_of_which_much_is_to_be_read(self) -> None:
        self.log.append(self.topic, [message(0, "ada") for _ in range(3_000)])
        self.log.append(self.topic, [message(1, "ada")])
        reader = self.log.reader("group")
        self.addCleanup(reader.close)
        reader.assign(self.positions(p0=0))
        self.poll_all(reader, 10, limit=10)
        reader.assign(self.positions(p0=10, p1=0))
        found, began = [], time.monotonic()
        while 1 not in found and len(found) < 300:
            found += [partition for partition, _ in self.poll_all(reader, 1, limit=10)[:1]]
            time.sleep(0.02)  # that is how long it takes to process them
        self.assertIn(1, found)
        self.assertLess(time.monotonic() - began, 3)

    def test_it_reads_again_after_a_seek(self) -> None:
        self.log.append(self.topic, [message(0, "ada") for _ in range(3)])
        reader = self.log.reader("group")
        self.addCleanup(reader.close)
        reader.assign(self.positions(p0=0))
        self.assertEqual(len(self.poll_all(reader, 3)), 3)
        reader.seek(TopicPartition(self.topic, 0), self.first + 1)
        self.assertEqual(self.poll_all(reader, 2), [(0, 1), (0, 2)])

    def test_a_wait_ends_with_a_message_or_when_it_is_told_to(self) -> None:
        reader = self.log.reader("group")
        self.addCleanup(reader.close)
        reader.assign(self.positions(p0=0))
        began = time.monotonic()
        self.assertIsNone(reader.poll(10, 60, lambda: time.monotonic() > began + 0.3))
        self.assertLess(time.monotonic() - began, 5)

    def test_a_topic_that_was_made_anew_stops_its_readers(self) -> None:
        self.log.append(self.topic, [message(0, "ada") for _ in range(3)])
        self.log.delete_topic(self.topic)
        self.log.create_topic(self.topic, 3)
        self.log.append(self.topic, [message(0, "ada") for _ in range(5)])
        reader = self.log.reader("the-group")
        self.addCleanup(reader.close)
        with self.assertRaisesMessage(TopicReplaced, "the-group"):
            reader.assign(self.positions(p0=2))
            reader.poll(10, self.patience)

    def test_an_offset_behind_the_end_stops_its_readers(self) -> None:
        self.log.append(self.topic, [message(0, "ada")])
        reader = self.log.reader("the-group")
        self.addCleanup(reader.close)
        with self.assertRaisesMessage(OffsetGone, "the-group"):
            reader.assign(self.positions(p0=100))
            reader.poll(10, self.patience)

    # Writers at the same time

    def test_no_reader_passes_an_offset_of_concurrent_writers_that_comes_later(self) -> None:
        writers, each = 4, 15
        ended = threading.Event()
        threads = [threading.Thread(target=self._write, args=(number, each)) for number in range(writers)]
        reader = self.log.reader("group")
        self.addCleanup(reader.close)
        reader.assign(self.positions(p0=0, p1=0, p2=0))
        for thread in threads:
            thread.start()
        found: dict[int, list[int]] = {0: [], 1: [], 2: []}
        end = time.monotonic() + 60
        while sum(map(len, found.values())) < writers * each * 3 and time.monotonic() < end:
            batch = reader.poll(7, 1.0)
            if batch is not None:
                found[batch.source.partition] += [record.offset - self.first for record in batch.records]
        for thread in threads:
            thread.join()
        ended.set()
        for offsets in found.values():
            self.assertEqual(offsets, list(range(writers * each)))

    def _write(self, number: int, each: int) -> None:
        try:
            for place in range(each):
                order = [0, 1, 2] if (number + place) % 2 else [2, 1, 0]
                self.log.append(self.topic, [message(partition, f"{number}") for partition in order])
        finally:
            connections.close_all()
