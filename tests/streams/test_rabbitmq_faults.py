"""Processors and emitters in processes of their own on real RabbitMQ streams: nothing is lost, nothing counts twice."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections import Counter
from functools import partial
from typing import Any

from django.test import override_settings

from notifications_counter.contrib.streams.logs import get_log
from notifications_counter.contrib.streams.logs.rabbitmq import RabbitMQLog
from notifications_counter.contrib.streams.models import Progress
from notifications_counter.contrib.streams.processor import get_processor
from notifications_counter.contrib.streams.running import Runner

from ..support.base import CounterTestCase
from ..support.kafka import once_on_postgresql
from ..support.rabbitmq import PROGRAMS, RabbitMQ, needs_rabbitmq_programs, rabbitmq
from ..support.rabbitmq_streams import BACKEND, stream_url, with_streams
from . import test_faults
from .broker_case import FaultsOnBroker
from .faults import AWAY, Faults, wrong
from .models import FaultClicks, Seen


def environment(url: str, **options: Any) -> dict[str, str]:
    """Of processes whose default log is a RabbitMQ."""
    return {"NC_STREAMS": json.dumps({"LOGS": {"default": {"BACKEND": BACKEND, "OPTIONS": {"URL": url, **options}}}})}


def restart(server: RabbitMQ, chosen_by: random.Random) -> None:
    """Kill the broker, and start it again after a while."""
    server.kill()
    time.sleep(chosen_by.uniform(*AWAY))
    server.start()


@once_on_postgresql
class RabbitMQFaultTests(FaultsOnBroker, test_faults.FaultTests):
    """The same faults as on the embedded log; partitions are shared out by leases in the database, too.

    The broker is killed too, where its programs are there.
    """

    url = ""
    #: The mark with which each of the 12 partitions begins.
    marks = 12

    @classmethod
    def setUpClass(cls) -> None:
        cls.url = stream_url()
        if PROGRAMS.exists():
            server = cls.enterClassContext(rabbitmq())
            cls.url, cls.kill_broker = server.stream_url, partial(restart, server)
        cls.environment = environment(cls.url)
        super().setUpClass()

    def settings_of_broker(self) -> override_settings:
        return with_streams(self.url)

    def setUp(self) -> None:
        super().setUp()
        assert isinstance(self.log, RabbitMQLog)
        self.addCleanup(self.log.close)


@once_on_postgresql
@needs_rabbitmq_programs
class RestartTests(CounterTestCase):
    def test_a_broker_that_is_killed_and_one_that_stands_still_lose_nothing_and_nothing_counts_twice(self) -> None:
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(rabbitmq())
            stack.enter_context(with_streams(server.stream_url, TIMEOUT=2))
            log = get_log()
            assert isinstance(log, RabbitMQLog)
            stack.callback(log.close)
            log.create_topic("faults", 12)
            run = Faults("faults", 1, **environment(server.stream_url, TIMEOUT=2))
            try:
                run.start_processor()
                run.start_processor()
                run.start_emitter()
                self.wait_for_more(run)
                for _ in range(2):
                    server.kill()
                    server.start()
                    self.wait_for_more(run)
                with server.paused():
                    time.sleep(5)
                self.wait_for_more(run)
            finally:
                run.end()
            end = time.monotonic() + 60
            Runner(get_processor("faults"), once=True, stopped=lambda: time.monotonic() > end).run()
            seen = Counter(Seen.objects.values_list("message", flat=True))
            counts = dict(FaultClicks.objects.values_list("user", "clicks"))
            offsets = dict(Progress.objects.filter(group="faults").values_list("partition", "offset"))
            self.assertEqual(wrong(seen, run.acknowledged, counts, seen.total()), {})
            self.assertEqual(offsets, log.ends("faults"))

    def wait_for_more(self, run: Faults) -> None:
        """Until messages are acknowledged and applied again."""
        acknowledged, applied = len(run.acknowledged), Seen.objects.count()
        end = time.monotonic() + 90
        while len(run.acknowledged) < acknowledged + 30 or Seen.objects.count() < applied + 30:
            self.assertLess(time.monotonic(), end, f"{len(run.acknowledged)} acknowledged, {run.said[-5:]}")
            time.sleep(0.2)
