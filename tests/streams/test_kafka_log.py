"""Kafka as a log: the contract of logs, and what is its own."""

from __future__ import annotations

from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.base import Log

from ..support.base import CounterTestCase
from ..support.kafka import once, own_name, shared_kafka, with_kafka
from .log_contract import LogContract


@once
class KafkaLogTests(LogContract, CounterTestCase):
    patience = 20.0

    @classmethod
    def setUpClass(cls) -> None:
        cls.servers = shared_kafka().servers
        super().setUpClass()

    def setUp(self) -> None:
        override = with_kafka(self.servers)
        override.enable()
        self.addCleanup(override.disable)
        self.topic_prefix = own_name("test") + "-"
        super().setUp()

    def make_log(self) -> Log:
        return get_log()
