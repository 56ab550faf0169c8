"""What becomes of partitions that stay where they are while members of a group of Kafka come and go."""

from __future__ import annotations

import itertools
import statistics
import threading
import time

from notifications_counter.contrib.streams.logs.base import Position
from notifications_counter.contrib.streams.logs.kafka import KafkaLog

from ..support.kafka import once
from .kafka_case import KafkaTestCase


class Reading(threading.Thread):
    """A member of a group that reads whatever it is given, from its beginning.

    Attributes:
        moments: partition -> when messages of it came.
    """

    def __init__(self, log: KafkaLog, topic: str, group: str) -> None:
        super().__init__()
        self.reader, self.uid = log.reader(group), log.topic(topic).uid
        self.moments: dict[int, list[float]] = {}
        self.held: set[int] = set()
        self.ended = threading.Event()
        self.reader.join([topic])
        self.start()

    def run(self) -> None:
        while not self.ended.is_set():
            if self.reader.has_news:
                given = self.reader.given()
                self.held = {source.partition for source in given}
                self.reader.assign({source: Position(0, self.uid) for source in given})
            batch = self.reader.poll(100, 0.05)
            if batch is not None:
                self.moments.setdefault(batch.source.partition, []).append(time.monotonic())
                time.sleep(0.03)  # that is how long it takes to process them
        self.reader.close()

    def leave(self) -> None:
        self.ended.set()
        self.join()


@once
class RebalanceTests(KafkaTestCase):
    partitions = 6

    def test_a_member_that_comes_stops_no_partition_that_stays_though_the_client_throws_away_what_it_has_read(
        self,
    ) -> None:
        ended = threading.Event()
        emitting = threading.Thread(target=self._emit, args=(ended,))
        emitting.start()
        first = Reading(self.log, self.topic, self.group)
        try:
            pauses = [self._pause_of_a_join(first) for _ in range(6)]
        finally:
            first.leave()
            ended.set()
            emitting.join()
        print(f"Pauses in seconds: {', '.join(f'{one:.2f}' for one in pauses)}", flush=True)
        # A client that nobody wakes up goes on within a second, so that some pauses are short all the same.
        self.assertLess(statistics.median(pauses), 0.7, pauses)

    def _pause_of_a_join(self, first: Reading) -> float:
        """The longest time in which a partition of the first member that it keeps had no message."""
        everything = set(range(self.partitions))
        self.until(lambda: first.held == everything and all(first.moments.get(one) for one in everything))
        time.sleep(0.5)
        began = time.monotonic()
        second = Reading(self.log, self.topic, self.group)
        try:
            self.until(lambda: second.held and not first.held & second.held and all(second.moments.values()))
            time.sleep(1.2)
            kept, end = set(first.held), time.monotonic()
        finally:
            second.leave()
        self.assertEqual(len(kept), 3)
        found = {one: [began, *(at for at in first.moments[one] if began < at < end), end] for one in kept}
        return max(after - before for moments in found.values() for before, after in itertools.pairwise(moments))

    def _emit(self, ended: threading.Event) -> None:
        producer = self.producer(linger_ms=0)
        while not ended.wait(0.01):
            for number in range(self.partitions):
                producer.produce(self.topic, b"/", b"ada", number)
            producer.poll(0)
        producer.flush(10)
