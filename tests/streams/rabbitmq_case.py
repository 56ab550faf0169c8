"""What the tests on real RabbitMQ streams share."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

import rstream

from notifications_counter.contrib.streams import Processor
from notifications_counter.contrib.streams.exceptions import UnknownTopic
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.base import Outgoing, Position, Reader, TopicPartition
from notifications_counter.contrib.streams.logs.rabbitmq import RabbitMQLog
from notifications_counter.contrib.streams.logs.rabbitmq_client import address_of
from notifications_counter.contrib.streams.models import Progress
from notifications_counter.contrib.streams.processor import unregister
from notifications_counter.contrib.streams.running import Runner

from ..support.base import CounterTestCase
from ..support.kafka import own_name
from ..support.rabbitmq_streams import stream_url, with_streams

PATIENCE = 20.0


class RabbitMQTestCase(CounterTestCase):
    """Has a topic and a group that nobody else has."""

    url = ""
    partitions = 2

    @classmethod
    def setUpClass(cls) -> None:
        cls.url = stream_url()
        super().setUpClass()

    def setUp(self) -> None:
        super().setUp()
        self.topic, self.group = own_name("topic"), own_name("group")
        self.use()
        self.log.create_topic(self.topic, self.partitions)
        self.addCleanup(self.delete, self.log, self.topic)

    def delete(self, log: RabbitMQLog, topic: str) -> None:
        """Delete a topic: the broker has files open for each of its streams."""
        with contextlib.suppress(UnknownTopic):
            log.delete_topic(topic)

    def use(self, **options: Any) -> None:
        """Have a log with these options from now on."""
        override = with_streams(self.url, **options)
        override.enable()
        self.addCleanup(override.disable)
        log = get_log()
        assert isinstance(log, RabbitMQLog)
        self.log = log
        self.addCleanup(log.close)

    # With our own

    def reader(self, **offsets: int) -> Any:
        """A reader from offsets: ``p0=5`` is offset 5 in partition 0."""
        reader = self.log.reader(self.group)
        self.addCleanup(reader.close)
        uid = self.log.topic(self.topic).uid
        reader.assign({TopicPartition(self.topic, int(name[1:])): Position(at, uid) for name, at in offsets.items()})
        return reader

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

    def where(self) -> dict[str, Any]:
        """What the clients of rstream are told."""
        at = address_of(self.url, "URL")
        return {"host": at.host, "port": at.port, "username": at.user, "password": at.password}

    def produce(self, use: Callable[[rstream.Producer], Coroutine[Any, Any, Any]]) -> Any:
        """What a function does with a producer of rstream."""

        async def run() -> Any:
            async with rstream.Producer(**self.where()) as producer:
                return await use(producer)

        return asyncio.run(asyncio.wait_for(run(), PATIENCE))

    def consume(self, stream: str, offset: int, seconds: float) -> list[int]:
        """The offsets that a consumer of rstream gets in so many seconds."""
        found: list[int] = []

        async def run() -> None:
            consumer = rstream.Consumer(**self.where())
            await consumer.subscribe(
                stream,
                lambda message, context: found.append(context.offset),
                offset_specification=rstream.ConsumerOffsetSpecification(rstream.OffsetType.OFFSET, offset),
            )
            await asyncio.sleep(seconds)
            await consumer.close()

        asyncio.run(asyncio.wait_for(run(), PATIENCE))
        return found
