"""How long it takes from an emit until the view has it, and what a quicker or a slower look at the log costs.

    POSTGRESQL_URL=... python -m benchmarks stream_latency [--seconds 20] [--rate 1000] [--log embedded kafka rabbitmq]

Emits so many messages a second into 10 partitions, which one processor counts, and looks at the group's offsets every
few milliseconds: an offset is committed together with the counts that the view reads, so that whoever waits for it with
``?wait=OFFSET`` is answered then. Prints the median and the 99th percentile; the latter also until the log had a
message, which is the part of the emitter and the broker; and the processor's own time for a million messages. On the
embedded log for several values of ``POLL_INTERVAL``, which trades one for the other.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from .environment import postgresql_and_valkey
from .stream_parts import GROUP, LOGS, Log, Process, count, of_logs, topic, with_settings

TOPIC, PARTITIONS, KEYS = "latency", 10, 1_000
#: Seconds between two looks at the offsets, and those after the start that do not count.
LOOK, WARM_UP = 0.002, 3.0
#: Of the embedded log; the first is the default.
INTERVALS = (0.1, 0.02, 0.5)


def arguments() -> argparse.Namespace:
    parser = of_logs(__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=int, default=1_000, help="messages a second")
    return parser.parse_args()


class Latencies:
    """Messages that are on their way.

    Attributes:
        taken: seconds of each message from its emit until it was counted.
        delivered: the same until the log had it.
        emitted: how many messages.
    """

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.delivered: list[float] = []
        self.emitted = 0
        self.ended = threading.Event()
        self._under_way: dict[int, deque[tuple[int, float]]] = {number: deque() for number in range(PARTITIONS)}
        self._watch = threading.Thread(target=self._look, daemon=True)

    def emit(self, rate: int, seconds: float) -> None:
        """Emit as evenly as possible, and wait until all is counted."""
        from notifications_counter.contrib.streams import Emitter

        self._watch.start()
        began = time.monotonic()
        with Emitter(TOPIC, str) as emitter:
            while (elapsed := time.monotonic() - began) < seconds:
                while self.emitted < elapsed * rate:
                    self._emit(emitter, counts=elapsed > WARM_UP)
                    self.emitted += 1
                time.sleep(0.001)
        end = time.monotonic() + 60
        while any(self._under_way.values()):
            assert time.monotonic() < end, "not everything was counted"
            time.sleep(0.01)
        self.ended.set()
        self._watch.join()

    def _emit(self, emitter: Any, *, counts: bool) -> None:
        now = time.monotonic()

        def delivered(delivery: Any, error: Exception | None) -> None:
            assert error is None, error
            if counts:
                self.delivered.append(time.monotonic() - now)
                self._under_way[delivery.partition].append((delivery.offset, now))

        emitter.emit(f"user-{self.emitted * 7919 % KEYS}", "/", callback=delivered)

    def _look(self) -> None:
        from django.db import connections

        from notifications_counter.contrib.streams.models import Progress

        rows = Progress.objects.filter(group=GROUP, topic=TOPIC).values_list("partition", "offset")
        while not self.ended.wait(LOOK):
            found, now = list(rows.all()), time.monotonic()
            for number, offset in found:
                under_way = self._under_way[number]
                while under_way and under_way[0][0] < offset:
                    self.taken.append(now - under_way.popleft()[1])
        connections.close_all()


def wait_for_owner() -> None:
    """Wait until the processor has all partitions."""
    from notifications_counter.contrib.streams.models import Progress

    end = time.monotonic() + 60
    while Progress.objects.filter(group=GROUP, topic=TOPIC).exclude(owner="").count() < PARTITIONS:
        assert time.monotonic() < end, "nobody takes the partitions"
        time.sleep(0.05)


def processor_seconds(pid: int) -> float:
    """The time that a process has had of the processor."""
    values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


def measure(log: Log, rate: int, seconds: float, **settings: Any) -> int:
    """Print what was measured; how many messages were not counted once."""
    from django.db.models import Sum

    from tests.streams.models import UserClicks

    with with_settings(LOGS=log.logs, **settings), topic(TOPIC, PARTITIONS):
        process, latencies = Process(TOPIC), Latencies()
        try:
            process.begin()
            wait_for_owner()
            before = processor_seconds(process.process.pid)
            latencies.emit(rate, seconds)
            used = processor_seconds(process.process.pid) - before
        finally:
            process.end()
        count(TOPIC)
        wrong = abs((UserClicks.objects.aggregate(sum=Sum("clicks"))["sum"] or 0) - latencies.emitted)
    taken, delivered = (statistics.quantiles(one, n=100) for one in (latencies.taken, latencies.delivered))
    said = f"{log.name}{''.join(f', {name} {value}' for name, value in settings.items())}"
    print(f"{said:<40}{taken[49] * 1000:>9.0f} ms{taken[98] * 1000:>9.0f} ms", end="")
    print(f"{delivered[98] * 1000:>9.0f} ms", end="")
    print(f"{used / latencies.emitted * 1e6:>12.0f} s{wrong:>9}", flush=True)
    return wrong


def main() -> None:
    options, wrong = arguments(), 0
    print(f"{options.rate:,} messages a second, of {KEYS:,} keys, from emit to view; at most 1,000 ms by default")
    print(f"{'':<40}{'median':>12}{'p99':>12}{'in the log':>12}{'a million':>14}{'wrong':>9}")
    with postgresql_and_valkey(buffer="database", settings="tests.apps_settings"):
        for name in options.log:
            with LOGS[name](10) as log:
                for interval in INTERVALS if name == "embedded" else INTERVALS[:1]:
                    settings = {"POLL_INTERVAL": interval} if name == "embedded" else {}
                    wrong += measure(log, options.rate, options.seconds, **settings) if log else 0
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
