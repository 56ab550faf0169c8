"""How long partitions stand still when a processor is killed, and when one comes or goes.

    POSTGRESQL_URL=... python -m benchmarks takeover [--rounds 3] [--session 3] [--log embedded kafka rabbitmq]

Three processes share the 12 partitions of a topic, into which messages are emitted all the time. One is killed, another
one joins, one is told to end. Prints how long it takes from SIGKILL until each of its partitions counts again, less the
session time-out; and of each round the longest pause between two commits of a partition that does not move meanwhile,
beside that while nothing happens, which is what the machine and the emitter add. On Kafka, which this starts, the
session time-out is a setting of the broker; on the embedded log, and on RabbitMQ streams, if RABBITMQ_STREAM_URL names
one, it is SESSION_TIMEOUT. Whoever joins has started Python, and made the checks of Django, before.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from .environment import postgresql_and_valkey
from .stream_parts import GROUP, LOGS, Log, Process, count, of_logs, topic, with_settings

TOPIC, PARTITIONS, PROCESSORS = "takeover", 12, 3
#: Messages a second, of all partitions.
RATE = 600
#: Seconds between two looks, and in which processors come to rest.
LOOK, REST = 0.01, 3.0


def arguments() -> argparse.Namespace:
    parser = of_logs(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--session", type=float, default=3, help="the session time-out in seconds")
    return parser.parse_args()


class Watch(threading.Thread):
    """Looks at the rows of a group all the time.

    Attributes:
        commits: partition -> when a chunk of it was seen to be committed, and the generation.
        generations: partition -> its generation.
        owners: partition -> its owner.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.commits: dict[int, list[tuple[float, int]]] = {number: [] for number in range(PARTITIONS)}
        self.generations: dict[int, int] = {}
        self.owners: dict[int, str] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        from django.db import connections

        from notifications_counter.contrib.streams.models import Progress

        offsets: dict[int, int] = {}
        rows = Progress.objects.filter(group=GROUP, topic=TOPIC)
        while not self.ended.wait(LOOK):
            found = list(rows.values_list("partition", "offset", "generation", "owner"))
            now = time.monotonic()
            for number, offset, generation, owner in found:
                if offset != offsets.get(number):
                    self.commits[number].append((now, generation))
                offsets[number], self.generations[number], self.owners[number] = offset, generation, owner
        connections.close_all()

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + 120
        while not is_so():
            assert time.monotonic() < end, f"In vain: {self.owners}"
            time.sleep(LOOK)

    def is_shared_by(self, members: int) -> bool:
        shares = Counter(self.owners.values())
        return "" not in shares and len(shares) == members and max(shares.values()) - min(shares.values()) <= 1

    def longest_pause(self, numbers: list[int], begin: float, end: float) -> float:
        """The longest time between two commits of one of these partitions."""
        pauses = [0.0]
        for number in numbers:
            inside = [moment for moment, _ in self.commits[number] if begin <= moment <= end]
            moments = [begin, *inside, end]
            pauses += [after - before for before, after in itertools.pairwise(moments)]
        return max(pauses)

    def first_of(self, generation: int, number: int) -> float | None:
        """When a partition counted for the first time in a later generation than this one."""
        return next((moment for moment, found in self.commits[number] if found > generation), None)


class Emitting(threading.Thread):
    """Emits into all partitions, as evenly as it can."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.emitted: Counter[str] = Counter()

    def run(self) -> None:
        from notifications_counter.contrib.streams import Emitter

        number, began = 0, time.monotonic()
        with Emitter(TOPIC, str, partitioner=lambda key, partitions: int(key) % partitions) as emitter:
            while not self.ended.wait(0.005):
                while number < (time.monotonic() - began) * RATE:
                    key = str(number % PARTITIONS)
                    emitter.emit(key, "/")
                    self.emitted[key] += 1
                    number += 1


class Run:
    """Processors that come and go.

    Attributes:
        moved: seconds from each SIGKILL until all partitions of the process counted again.
        pauses: what happened -> the longest pauses of a partition that did not move.
    """

    def __init__(self) -> None:
        self.watch, self.emitting = Watch(), Emitting()
        self.processes: list[Process] = []
        self.moved: list[float] = []
        self.pauses: dict[str, list[float]] = {}
        self._started: list[Process] = []
        self._ready: list[Process] = []

    def run(self, rounds: int) -> None:
        try:
            self.watch.start()
            self.emitting.start()
            self.start(PROCESSORS)
            for _ in range(PROCESSORS):
                self.join()
            for _ in range(rounds):
                self.start(2)
                self.rest(PROCESSORS)
                self.observe("while nothing happens", lambda: time.sleep(REST), PROCESSORS)
                self.kill()
                self.rest(PROCESSORS - 1)
                self.observe("when a member joins", self.join, PROCESSORS)
                self.rest(PROCESSORS)
                self.observe("when a member leaves", self.leave, PROCESSORS - 1)
                self.join()
        finally:
            self.emitting.ended.set()
            self.emitting.join()
            for process in self._started:
                process.end()
            self.watch.ended.set()
            self.watch.join()

    def start(self, number: int) -> None:
        """Have processes that may join."""
        for _ in range(number):
            self._ready.append(Process(TOPIC))
            self._started.append(self._ready[-1])
        for process in self._ready:
            process.wait_until_ready()

    def rest(self, members: int) -> None:
        self.watch.wait_for(lambda: self.watch.is_shared_by(members))
        time.sleep(REST)

    def join(self) -> None:
        self.processes.append(self._ready.pop(0))
        self.processes[-1].begin()

    def leave(self) -> None:
        self.processes.pop(0).leave()

    def kill(self) -> None:
        """Kill one; measure how long its partitions stand still, and those that stay."""
        before, process = dict(self.watch.generations), self.processes.pop(0)
        began = time.monotonic()
        self.observe("when a member is killed", process.kill, PROCESSORS - 1)
        moved = [number for number, generation in self.watch.generations.items() if generation != before[number]]
        assert moved, "the killed process had no partition"
        self.watch.wait_for(lambda: all(self.watch.first_of(before[number], number) for number in moved))
        first = {number: self.watch.first_of(before[number], number) for number in moved}
        self.moved.append(max(moment or 0 for moment in first.values()) - began)

    def observe(self, what: str, happen: Callable[[], object], members: int) -> None:
        """Let something happen, and measure the partitions that stay, until a second after all have an owner."""
        before, began = dict(self.watch.generations), time.monotonic()
        happen()
        self.watch.wait_for(lambda: self.watch.is_shared_by(members))
        time.sleep(1.0)
        stayed = [number for number, generation in self.watch.generations.items() if before[number] == generation]
        self.pauses.setdefault(what, []).append(self.watch.longest_pause(stayed, began, time.monotonic()))


def measure(log: Log, rounds: int, session: float) -> int:
    """Print what was measured; how many counts are wrong."""
    from tests.streams.models import UserClicks

    with with_settings(LOGS=log.logs, SESSION_TIMEOUT=session), topic(TOPIC, PARTITIONS):
        run = Run()
        run.run(rounds)
        count(TOPIC)
        found = dict(UserClicks.objects.values_list("user", "clicks"))
    wrong = sum(found.get(key) != number for key, number in run.emitting.emitted.items())
    more = max(run.moved) - session
    print(f"{log.name}: session time-out {session:.1f} s, {rounds} rounds, {RATE} messages a second")
    print(f"  from SIGKILL until all its partitions count again, longest     {max(run.moved):>8.2f} s")
    print(f"  more than the session time-out                                 {more:>8.2f} s (at most 3)")
    for what, pauses in run.pauses.items():
        median, reach = statistics.median(pauses) * 1000, " (at most 500)" if "member" in what else ""
        said = f"longest pause of what does not move, {what}"
        print(f"  {said:<63}{max(pauses) * 1000:>8.0f} ms, median {median:.0f}{reach}")
    print(f"  wrong counts                                                   {wrong:>8}", flush=True)
    return wrong


def main() -> None:
    options, wrong = arguments(), 0
    with postgresql_and_valkey(buffer="database", settings="tests.apps_settings"):
        for name in options.log:
            with LOGS[name](options.session) as log:
                wrong += measure(log, options.rounds, options.session) if log else 0
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
