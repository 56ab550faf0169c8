"""What the tests of streams share."""

from __future__ import annotations

from typing import Any

from notifications_counter.contrib.streams import Processor
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.base import Log, Outgoing, Position, Record, TopicPartition
from notifications_counter.contrib.streams.models import Progress
from notifications_counter.contrib.streams.processor import unregister
from notifications_counter.contrib.streams.running import Runner

from ..support.base import CounterTestCase

TOPIC = "user-clicks"


def message(partition: int, key: str | None, value: bytes | None = b"", timestamp: int = 0) -> Outgoing:
    return Outgoing(partition, key, value, timestamp)


def everything(log: Log, topic: str) -> dict[int, list[Record]]:
    """All messages of a topic, by partition."""
    reader, found = log.reader("everything"), {}
    uid = log.topic(topic).uid
    starts = {TopicPartition(topic, number): Position(begin, uid) for number, begin in log.begins(topic).items()}
    reader.assign(starts)
    for source in starts:
        found[source.partition] = []
    ends = log.ends(topic)
    while any(starts[source].offset < ends[source.partition] for source in starts):
        batch = reader.poll(1_000, 10)
        assert batch is not None, f"{found} and no more of {ends}"
        found[batch.source.partition] += batch.records
        starts[batch.source] = Position(batch.next_offset, uid)
    reader.close()
    return found


class StreamsTestCase(CounterTestCase):
    """Has a topic in the embedded log, and forgets the processors that its tests declare."""

    partitions = 4

    def setUp(self) -> None:
        super().setUp()
        self.log = get_log()
        self.log.create_topic(TOPIC, self.partitions)

    def processor(self, group: str = "mini-group", **options: Any) -> Processor:
        unregister(group)
        self.addCleanup(unregister, group)
        return Processor(group, **{"inputs": TOPIC, **options})

    def run_once(self, processor: Processor) -> None:
        Runner(processor, once=True).run()

    def offsets(self, processor: Processor, topic: str = TOPIC) -> dict[int, int]:
        rows = Progress.objects.filter(group=processor.group, topic=topic)
        return dict(rows.values_list("partition", "offset"))
