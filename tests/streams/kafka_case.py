"""What the tests on a real Kafka share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

from notifications_counter.contrib.streams import Processor
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.base import Outgoing, Position, Reader, TopicPartition
from notifications_counter.contrib.streams.logs.kafka import KafkaLog
from notifications_counter.contrib.streams.models import Progress
from notifications_counter.contrib.streams.processor import unregister
from notifications_counter.contrib.streams.running import Runner

from ..support.base import CounterTestCase
from ..support.kafka import own_name, shared_kafka, with_kafka

PATIENCE = 20.0


class KafkaTestCase(CounterTestCase):
    """Has a topic and a group that nobody else has."""

    servers = ""
    partitions = 2

    @classmethod
    def setUpClass(cls) -> None:
        cls.servers = shared_kafka().servers
        super().setUpClass()

    def setUp(self) -> None:
        super().setUp()
        override = with_kafka(self.servers)
        override.enable()
        self.addCleanup(override.disable)
        self.topic, self.group = own_name("topic"), own_name("group")
        log = get_log()
        assert isinstance(log, KafkaLog)
        self.log = log
        self.log.create_topic(self.topic, self.partitions)

    # With our own

    def reader(self, **offsets: int) -> Any:
        """A reader from offsets: ``p0=5`` is offset 5 in partition 0."""
        reader = self.log.reader(self.group)
        self.addCleanup(reader.close)
        reader.assign(self.positions(**offsets))
        return reader

    def positions(self, **offsets: int) -> dict[TopicPartition, Position]:
        uid = self.log.topic(self.topic).uid
        return {TopicPartition(self.topic, int(name[1:])): Position(at, uid) for name, at in offsets.items()}

    def append(self, number: int, partition: int = 0, value: bytes | None = b"/") -> list[int]:
        now = time.time_ns() // 1_000_000
        return self.log.append(self.topic, [Outgoing(partition, f"user-{one}", value, now) for one in range(number)])

    def read(self, reader: Reader, number: int) -> list[tuple[int, int]]:
        """Partition and offset of so many messages; fewer where no more come."""
        found: list[tuple[int, int]] = []
        end = time.monotonic() + PATIENCE
        while len(found) < number and time.monotonic() < end:
            batch = reader.poll(100, 0.5)
            if batch is not None:
                found += [(batch.source.partition, record.offset) for record in batch.records]
        return found

    def processor(self, **options: Any) -> Processor:
        unregister(self.group)
        self.addCleanup(unregister, self.group)
        return Processor(self.group, **{"inputs": self.topic, **options})

    def run_once(self, processor: Processor) -> None:
        end = time.monotonic() + 2 * PATIENCE
        Runner(processor, once=True, stopped=lambda: time.monotonic() > end).run()
        self.assertLess(time.monotonic(), end, "the processor did not come to its end")

    def offsets(self) -> dict[int, int]:
        return dict(Progress.objects.filter(group=self.group, topic=self.topic).values_list("partition", "offset"))

    # With the client itself

    def admin(self) -> AdminClient:
        made = AdminClient({"bootstrap.servers": self.servers})
        self.addCleanup(lambda: made)  # what it is asked ends with it
        return made

    def topic_with(self, **settings: str) -> None:
        """Make the topic anew, with settings of Kafka's."""
        self.topic = own_name("topic")
        config = {name.replace("_", "."): value for name, value in settings.items()}
        new = NewTopic(self.topic, num_partitions=self.partitions, replication_factor=1, config=config)
        self.admin().create_topics([new])[self.topic].result()
        self.until(lambda: self.log.ends(self.topic))

    def consumer(self, **settings: Any) -> confluent_kafka.Consumer:
        given = {"group.protocol": "consumer", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        options = {**given, **{name.replace("_", "."): value for name, value in settings.items()}}
        made = confluent_kafka.Consumer({"bootstrap.servers": self.servers, "group.id": self.group, **options})
        self.addCleanup(made.close)
        return made

    def producer(self, **settings: Any) -> confluent_kafka.Producer:
        options = {name.replace("_", "."): value for name, value in settings.items()}
        return confluent_kafka.Producer({"bootstrap.servers": self.servers, **options})

    def until(self, is_so: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait until something is so; what it is."""
        end = time.monotonic() + seconds
        while not (found := is_so()):
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.05)
        return found
