"""What the tests on a real Kafka share."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

from notifications_counter.contrib.streams.exceptions import LogUnavailable, UnknownTopic
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.kafka import KafkaLog

from ..support.kafka import own_name, shared_kafka, with_kafka
from .broker_case import PATIENCE, BrokerTestCase


class KafkaTestCase(BrokerTestCase):
    """Has a topic and a group that nobody else has."""

    servers = ""

    @classmethod
    def setUpClass(cls) -> None:
        cls.servers = shared_kafka().servers
        super().setUpClass()

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(with_kafka(self.servers))
        log = get_log()
        assert isinstance(log, KafkaLog)
        self.log = log
        self.log.create_topic(self.topic, self.partitions)

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
        """Wait until something is so, and the brokers say so; what it is."""
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(LogUnavailable, UnknownTopic):  # of which one broker may know before another
                if found := is_so():
                    return found
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.05)
