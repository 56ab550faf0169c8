"""Random faults under load, with real processes: every acknowledged message counts exactly once.

``NC_FAULTS`` says how many faults; by itself, 1,000 with ``--long``.
"""

from __future__ import annotations

import collections
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import ClassVar

from django.db import connection
from django.test import tag

from notifications_counter.contrib.streams.models import Member, Progress
from notifications_counter.contrib.streams.processor import get_processor
from notifications_counter.contrib.streams.running import Runner

from ..project.test_demo import free_port
from ..support.base import ROOT, heavy
from ..support.walks import SEED, by_effort
from .base import StreamsTestCase
from .faults import Faults, wrong
from .models import FaultClicks, Seen

NUMBER = int(os.environ.get("NC_FAULTS") or by_effort(10, 15, 1_000))


class FaultTests(StreamsTestCase):
    #: Of the processes, besides their database.
    environment: ClassVar[dict[str, str]] = {}
    #: Offsets of the log that are no messages.
    marks = 0
    #: As of ``Faults``.
    kill_broker: ClassVar[Callable[[random.Random], object] | None] = None

    def faults(self) -> Faults:
        return Faults("faults", SEED, kill_broker=self.kill_broker, **self.environment)

    def setUp(self) -> None:
        super().setUp()
        self.log.create_topic("faults", 12)

    @tag("long")
    @heavy
    def test_under_random_faults_each_acknowledged_message_counts_once(self) -> None:
        run, began = self.faults(), time.monotonic()
        run.run(NUMBER)
        end = time.monotonic() + 60
        Runner(get_processor("faults"), once=True, stopped=lambda: time.monotonic() > end).run()
        seen = collections.Counter(Seen.objects.values_list("message", flat=True))
        counts = dict(FaultClicks.objects.values_list("user", "clicks"))
        total = sum(Progress.objects.filter(group="faults").values_list("offset", flat=True))
        said = f"NC_SEED={SEED}: {run} in {time.monotonic() - began:.0f} s"
        print(said, flush=True)
        self.assertEqual(wrong(seen, run.acknowledged, counts, total - self.marks), {}, said)
        self.assertEqual(total, sum(self.log.ends("faults").values()), said)
        self.assertGreater(len(run.acknowledged), 100, said)
        for fault, number in run.happened.items():
            self.assertGreaterEqual(number, 0.05 * run.happened.total(), f"{fault}: {said}")

    def test_a_processor_that_is_told_to_end_leaves_its_group_and_has_status_0(self) -> None:
        run = self.faults()
        run.start_processor()
        self._wait_for_owner()
        (process,) = run.processors
        process.terminate()
        self.assertEqual(process.wait(20), 0, run.said)
        run.end()
        self.assertEqual(Member.objects.count(), 0)
        self.assertEqual(set(Progress.objects.values_list("owner", flat=True)), {""})

    def test_a_killed_processor_is_replaced_when_its_leases_end(self) -> None:
        run = self.faults()
        run.start_processor()
        self._wait_for_owner()
        (process,) = run.processors
        before = set(Progress.objects.values_list("generation", flat=True))
        process.kill()
        process.wait()
        began = time.monotonic()
        Runner(get_processor("faults"), once=True).run()  # nothing to do: it does not even wait for partitions
        self.assertLess(time.monotonic() - began, 5)
        run.processors.clear()
        run.start_processor()
        self._wait_for_owner(min(before) + 1)
        run.end()

    def _wait_for_owner(self, generation: int = 1) -> None:
        end = time.monotonic() + 60
        while Progress.objects.filter(group="faults", generation__gte=generation).exclude(owner="").count() < 12:
            self.assertLess(time.monotonic(), end, list(Progress.objects.values_list("partition", "owner")))
            time.sleep(0.1)


@tag("long")
class DemoTests(StreamsTestCase):
    def test_the_demo_counts_what_it_emits_though_a_processor_is_killed(self) -> None:
        if connection.vendor != "sqlite":
            self.skipTest("the demo has a database of its own")
        done = subprocess.run(
            [sys.executable, str(ROOT / "example" / "manage.py"), "stream_demo", "--check", f"--port={free_port()}"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("OK: 300 clicks of 10 users were emitted and counted, each once.", done.stdout)
