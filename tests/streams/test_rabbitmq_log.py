"""RabbitMQ streams as a log: the contract of logs."""

from __future__ import annotations

from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.base import Log
from notifications_counter.contrib.streams.logs.rabbitmq import RabbitMQLog

from ..support.base import CounterTestCase
from ..support.kafka import once, own_name
from ..support.rabbitmq_streams import stream_url, with_streams
from .log_contract import LogContract


@once
class RabbitMQLogTests(LogContract, CounterTestCase):
    #: Behind the mark with which each stream begins.
    first = 1

    @classmethod
    def setUpClass(cls) -> None:
        cls.url = stream_url()
        super().setUpClass()

    def setUp(self) -> None:
        override = with_streams(self.url)
        override.enable()
        self.addCleanup(override.disable)
        self.topic_prefix = own_name("test") + "-"
        super().setUp()
        assert isinstance(self.log, RabbitMQLog)
        self.addCleanup(self.log.close)
        self.addCleanup(self.log.delete_topic, self.topic)

    def make_log(self) -> Log:
        return get_log()
