"""Random faults under load, with real processes: every acknowledged message counts exactly once.

``NC_FAULTS`` says how many faults; by itself, 1,000 with ``--long``.
"""

from __future__ import annotations

import collections
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar

from django.db import connection
from django.test import tag

from notifications_counter.contrib.streams.models import Member, Progress
from notifications_counter.contrib.streams.processor import get_processor
from notifications_counter.contrib.streams.running import Runner

from ..project.test_demo import free_port
from ..support.base import ROOT, heavy
from ..support.own_database import default_database_on_its_own
from ..support.servers import Postgresql, postgresql_programs
from ..support.walks import SEED, by_effort
from .base import StreamsTestCase
from .faults import Faults, wrong
from .models import FaultClicks, Seen

PROGRAMS = postgresql_programs()
NUMBER = int(os.environ.get("NC_FAULTS") or by_effort(10, 15, 1_000))


class FaultTests(StreamsTestCase):
    #: Of the processes, besides their database.
    environment: ClassVar[dict[str, str]] = {}
    #: Offsets of the log that are no messages.
    marks = 0
    #: As of ``Faults``.
    kill_broker: ClassVar[Callable[[random.Random], object] | None] = None

    def faults(self, **options: Any) -> Faults:
        return Faults("faults", SEED, **{"kill_broker": self.kill_broker, **self.environment, **options})

    def setUp(self) -> None:
        super().setUp()
        self.log.create_topic("faults", 12)

    @tag("long")
    @heavy
    def test_under_random_faults_each_acknowledged_message_counts_once(self) -> None:
        run, began = self.faults(database=self.own_database()), time.monotonic()
        run.run(NUMBER)
        applied = Seen.objects.count()
        end = time.monotonic() + 60
        Runner(get_processor("faults"), once=True, stopped=lambda: time.monotonic() > end).run()
        seen = collections.Counter(Seen.objects.values_list("message", flat=True))
        counts = dict(FaultClicks.objects.values_list("user", "clicks"))
        total = sum(Progress.objects.filter(group="faults").values_list("offset", flat=True))
        said = f"NC_SEED={SEED}: {run}, {applied} applied meanwhile, in {time.monotonic() - began:.0f} s"
        print(said, flush=True)
        self.assertEqual(wrong(seen, run.acknowledged, counts, total - self.marks), {}, said)
        self.assertEqual(total, sum(self.log.ends("faults").values()), said)
        self.assertGreater(len(run.acknowledged), 100, said)
        self.assertGreater(applied, 0, said)
        for fault, number in run.happened.items():
            self.assertGreaterEqual(number, 0.05 * run.happened.total(), f"{fault}: {said}")

    def own_database(self) -> Postgresql | None:
        """A server of this test's own, which has the default database from now on; None where there can be none."""
        if connection.vendor != "postgresql" or PROGRAMS is None:
            return None
        server = self.enterContext(default_database_on_its_own(PROGRAMS))
        if self.log.using is not None:
            self.log.create_topic("faults", 12)
        return server

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

    def test_partitions_that_stay_are_read_on_while_a_member_joins_which_takes_no_more_than_its_share(self) -> None:
        streams = json.loads(self.environment.get("NC_STREAMS", "{}"))
        run = self.faults(NC_STREAMS=json.dumps({**streams, "SESSION_TIMEOUT": 30}))  # no lease ends meanwhile
        try:
            run.start_processor()
            run.start_processor()
            run.start_emitter()
            self.wait_for_shares(6, 6)
            before, moments = self._generations(), Moments()
            moments.until(lambda: len(moments.of) == 12 and min(map(len, moments.of.values())) > 5)
            usual = max(map(moments.longest_pause, before))
            moments.begin()
            run.start_processor()
            moments.until(lambda: self._are_shared(4, 4, 4))
            after = self._generations()
            stayed = [number for number in before if before[number] == after[number]]
            pauses = [moments.longest_pause(number) for number in stayed]
        finally:
            run.end()
        self.assertEqual(len(stayed), 8)
        self.assertLess(max(pauses), 3 + 2 * usual)  # which is what emitting takes on a machine that has much to do

    def _generations(self) -> dict[int, int]:
        return dict(Progress.objects.filter(group="faults").values_list("partition", "generation"))

    def wait_for_shares(self, *shares: int) -> None:
        """Wait until processors have so many partitions each, and nobody has others."""
        end = time.monotonic() + 60
        while not self._are_shared(*shares):
            self.assertLess(time.monotonic(), end, list(Progress.objects.values_list("partition", "owner")))
            time.sleep(0.05)

    def _are_shared(self, *shares: int) -> bool:
        owners = collections.Counter(Progress.objects.filter(group="faults").values_list("owner", flat=True))
        return "" not in owners and sorted(owners.values()) == sorted(shares)

    def _wait_for_owner(self, generation: int = 1) -> None:
        end = time.monotonic() + 60
        while Progress.objects.filter(group="faults", generation__gte=generation).exclude(owner="").count() < 12:
            self.assertLess(time.monotonic(), end, list(Progress.objects.values_list("partition", "owner")))
            time.sleep(0.1)


class Moments:
    """When each partition was seen to go on.

    Attributes:
        of: partition -> these moments.
    """

    def __init__(self) -> None:
        self._offsets: dict[int, int] = {}
        self.begin()

    def begin(self) -> None:
        self.of: dict[int, list[float]] = {}
        self._began = time.monotonic()

    def until(self, is_so: Callable[[], bool]) -> None:
        """Look until something is so."""
        end = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < end, "it took too long"
            for number, offset in Progress.objects.filter(group="faults").values_list("partition", "offset"):
                if offset != self._offsets.setdefault(number, offset):
                    self.of.setdefault(number, []).append(time.monotonic())
                    self._offsets[number] = offset
            time.sleep(0.02)

    def longest_pause(self, number: int) -> float:
        """Seconds between two of its moments, since they were looked at first, or since the last."""
        moments = [self._began, *self.of.get(number, ()), time.monotonic()]
        return max(after - before for before, after in itertools.pairwise(moments))


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
