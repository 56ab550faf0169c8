"""Processors in processes of their own on a real Kafka: what is killed, stopped and woken up counts nothing twice."""

from __future__ import annotations

import json
from typing import Any

from notifications_counter.contrib.streams.exceptions import UnknownTopic
from notifications_counter.contrib.streams.logs import get_log

from ..support.kafka import BACKEND, once_on_postgresql, shared_kafka, with_kafka
from . import test_faults


@once_on_postgresql
class KafkaFaultTests(test_faults.FaultTests):
    """The same faults as on the embedded log, with the groups of Kafka."""

    servers = ""

    @classmethod
    def setUpClass(cls) -> None:
        cls.servers = shared_kafka().servers
        logs = {"default": {"BACKEND": BACKEND, "OPTIONS": {"SERVERS": cls.servers}}}
        cls.environment = {"NC_STREAMS": json.dumps({"LOGS": logs})}
        super().setUpClass()

    def setUp(self) -> None:
        override = with_kafka(self.servers)
        override.enable()
        self.addCleanup(override.disable)
        for topic in ("faults", "user-clicks"):
            self.addCleanup(self.delete, topic)
        super().setUp()

    def delete(self, topic: str) -> Any:
        try:
            get_log().delete_topic(topic)
        except UnknownTopic:
            return
