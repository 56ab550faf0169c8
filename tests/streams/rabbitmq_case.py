"""What the tests on real RabbitMQ streams share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import rstream

from notifications_counter.contrib.streams.exceptions import UnknownTopic
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.rabbitmq import RabbitMQLog
from notifications_counter.contrib.streams.logs.rabbitmq_client import address_of

from ..support.rabbitmq_streams import stream_url, with_streams
from .broker_case import PATIENCE, BrokerTestCase


class RabbitMQTestCase(BrokerTestCase):
    """Has a topic and a group that nobody else has."""

    url = ""

    @classmethod
    def setUpClass(cls) -> None:
        cls.url = stream_url()
        super().setUpClass()

    def setUp(self) -> None:
        super().setUp()
        self.use()
        self.log.create_topic(self.topic, self.partitions)
        self.addCleanup(self.delete, self.log, self.topic)

    def delete(self, log: RabbitMQLog, topic: str) -> None:
        """Delete a topic: the broker has files open for each of its streams."""
        with contextlib.suppress(UnknownTopic):
            log.delete_topic(topic)

    def use(self, **options: Any) -> None:
        """Have a log with these options from now on."""
        self.enterContext(with_streams(self.url, **options))
        log = get_log()
        assert isinstance(log, RabbitMQLog)
        self.log = log
        self.addCleanup(log.close)

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
