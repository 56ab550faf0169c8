"""What the tests on a real broker share, whichever it is."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from django.test import override_settings

from notifications_counter.contrib.streams import Processor
from notifications_counter.contrib.streams.exceptions import UnknownTopic
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.base import Outgoing, Position, Reader, TopicPartition
from notifications_counter.contrib.streams.models import Progress
from notifications_counter.contrib.streams.processor import unregister
from notifications_counter.contrib.streams.running import Runner

from ..support.base import CounterTestCase
from ..support.kafka import own_name
from .base import TOPIC

if TYPE_CHECKING:
    from django.test import TransactionTestCase as Base
else:
    Base = object

PATIENCE = 20.0


class FaultsOnBroker(Base):
    """Mixed into the tests of faults: their topics are on a broker."""

    def settings_of_broker(self) -> override_settings:
        raise NotImplementedError

    def setUp(self) -> None:
        self.enterContext(self.settings_of_broker())
        for topic in ("faults", TOPIC):
            self.delete(topic)  # of a run that was cut short
            self.addCleanup(self.delete, topic)
        super().setUp()

    def delete(self, topic: str) -> None:
        with contextlib.suppress(UnknownTopic):
            get_log().delete_topic(topic)


class BrokerTestCase(CounterTestCase):
    """Has the names of a topic and of a group that nobody else has."""

    partitions = 2
    #: The log of the broker, which the subclass gives.
    log: Any

    def setUp(self) -> None:
        super().setUp()
        self.topic, self.group = own_name("topic"), own_name("group")

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
