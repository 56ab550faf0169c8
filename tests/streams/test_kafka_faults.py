"""Processors in processes of their own on a real Kafka: what is killed, stopped and woken up counts nothing twice."""

from __future__ import annotations

import json
import random
import signal
import time
from functools import partial

from django.test import override_settings

from notifications_counter.contrib.streams import Emitter, Processor
from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.processor import unregister
from notifications_counter.contrib.streams.running import Runner

from ..servers.kafka import Kafka, running
from ..support.base import CounterTestCase
from ..support.kafka import BACKEND, SESSION, SETTINGS, once, once_on_postgresql, shared_kafka, with_kafka
from . import test_faults
from .broker_case import FaultsOnBroker
from .faults import AWAY
from .models import UserClicks


def kill_one(brokers: Kafka, chosen_by: random.Random) -> None:
    """Kill a broker, and start it again after a while."""
    chosen_by.choice(brokers.nodes).signal(signal.SIGKILL)
    time.sleep(chosen_by.uniform(*AWAY))
    brokers.start()


@once_on_postgresql
class KafkaFaultTests(FaultsOnBroker, test_faults.FaultTests):
    """The same faults as on the embedded log, with the groups of Kafka, and three brokers, which are killed too."""

    servers = ""

    @classmethod
    def setUpClass(cls) -> None:
        shared_kafka()  # or this machine has none
        brokers = cls.enterClassContext(running(brokers=3, settings=SETTINGS))
        cls.servers = brokers.servers
        cls.kill_broker = partial(kill_one, brokers)
        logs = {"default": {"BACKEND": BACKEND, "OPTIONS": {"SERVERS": cls.servers}}}
        cls.environment = {"NC_STREAMS": json.dumps({"LOGS": logs})}
        super().setUpClass()

    def settings_of_broker(self) -> override_settings:
        return with_kafka(self.servers)

    def test_partitions_of_a_killed_processor_move_within_3_seconds_more_than_the_session_time_out(self) -> None:
        run = self.faults()
        try:
            run.start_processor()
            run.start_processor()
            self.wait_for_shares(6, 6)
            killed = run.processors.pop(0)
            killed.kill()
            killed.wait()
            began = time.monotonic()
            self.wait_for_shares(12)
            elapsed = time.monotonic() - began
        finally:
            run.end()
        print(f"Taken over in {elapsed:.1f} s, with a session time-out of {SESSION:.1f} s", flush=True)
        self.assertLess(elapsed, SESSION + 3)

    def test_a_topic_that_has_been_made_is_known_whichever_broker_is_asked(self) -> None:
        for number in range(10):
            name = f"new-{number}"
            self.addCleanup(self.delete, name)
            made = self.log.create_topic(name, 12)
            for _ in range(6):
                self.assertEqual(self.log.topic(name), made)


@once
class OlderBrokerTests(CounterTestCase):
    def test_where_brokers_lack_the_newer_groups_a_processor_joins_a_classic_one(self) -> None:
        shared_kafka()  # or this machine has none
        with running(settings=["group.coordinator.rebalance.protocols=classic"]) as older, with_kafka(older.servers):
            get_log().create_topic("user-clicks", 4)
            unregister("mini-group")
            self.addCleanup(unregister, "mini-group")
            processor = Processor("mini-group", inputs="user-clicks", table=UserClicks)
            with Emitter("user-clicks") as emitter:
                for number in range(40):
                    emitter.emit(f"user-{number % 10}", "/")
            end = time.monotonic() + 60
            with self.assertLogs("notifications_counter", "WARNING") as logged:
                Runner(processor, once=True, stopped=lambda: time.monotonic() > end).run()
            self.assertIn("it becomes a classic one", "".join(logged.output))
            self.assertEqual(set(UserClicks.objects.values_list("clicks", flat=True)), {4})
