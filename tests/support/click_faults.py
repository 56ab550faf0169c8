"""Clicks by message while publishers, the consumer and the broker are killed: what must hold at the end."""

from __future__ import annotations

import collections
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .rabbitmq import RabbitMQ, connected, ready

PREFIX = "https://example.com/articles/"
QUEUE = "clicks"

#: Who is killed, and how often of a hundred times; of each at least five.
KINDS = {"publisher": 46, "consumer": 46, "broker": 8}

#: How long the run takes for each kill, so that whoever is killed is at work: the consumer has to start each time.
SECONDS = 2.0
TO_START = 1.5

#: Seconds for what is left. A quorum queue of RabbitMQ 3.10.8 whose broker was killed may have no leader for good.
PATIENCE = 120


@dataclass
class Faults:
    """One run.

    Attributes:
        server: a broker of its own.
        environment: of the processes, which have a database, and settings with the broker.
        clicks: how many are recorded.
        links: how many addresses there are.
        publishers: how many processes record.
        kills: how often somebody is killed.
        seed: of whoever that is, and when.
    """

    server: RabbitMQ
    environment: Mapping[str, str]
    clicks: int
    links: int
    publishers: int
    kills: int
    seed: int
    killed: collections.Counter[str] = field(default_factory=collections.Counter)

    def run(self) -> None:
        """Until everything is recorded, and everything that was recorded is counted."""
        self.choose = random.Random(self.seed)
        kinds = [kind for kind, share in KINDS.items() for _ in range(max(1, round(share * self.kills / 100)))]
        self.choose.shuffle(kinds)
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as self.errors:
            self.logs = [Path(folder) / str(place) for place in range(self.publishers)]
            self.running: list[subprocess.Popen[bytes] | None] = [None] * self.publishers
            self.consumer = self._start_consumer()
            try:
                for place, kind in enumerate(kinds):
                    self._wait_for(self.clicks * (place + 1) // (len(kinds) + 1))
                    time.sleep(self.choose.random() * 0.2)
                    self._kill(kind)
                self._wait_for(self.clicks)
                for publisher in filter(None, self.running):
                    assert publisher.wait(120) == 0
            finally:
                for process in filter(None, [*self.running, self.consumer]):
                    process.kill()
                    process.wait()
            self._count_the_rest()
            self._read()

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", *command], env=dict(self.environment), stderr=self.errors)

    def _said(self) -> str:
        """The last that the processes have said."""
        self.errors.seek(0)
        return self.errors.read().decode()[-3_000:]

    def _start_consumer(self) -> subprocess.Popen[bytes]:
        self.at_work_from = time.monotonic() + TO_START
        return self._start("django", "notification_consume", "--skip-checks", "--verbosity=0")

    def _sent(self, place: int) -> int:
        """How many clicks a publisher and those before it in its place have been about to record."""
        log = self.logs[place]
        return log.read_bytes().count(b"s ") if log.exists() else 0

    def _wait_for(self, number: int) -> None:
        """Until so many clicks have been about to be recorded. Whoever has been killed is started again."""
        end = time.monotonic() + 300
        while sum(map(self._sent, range(self.publishers))) < number:
            assert time.monotonic() < end, "nothing is recorded any more"
            for place, process in enumerate(self.running):
                if process is None or process.poll() == -signal.SIGKILL:
                    self.running[place] = self._publish(place)
                else:
                    assert not process.poll(), f"a publisher has ended: {self._said()}"
            if self.consumer.poll() is not None:
                assert self.consumer.returncode == -signal.SIGKILL, f"the consumer has ended: {self._said()}"
                self.consumer = self._start_consumer()
            time.sleep(0.05)

    def _publish(self, place: int) -> subprocess.Popen[bytes]:
        share = self.clicks // self.publishers
        first, last = place * share + self._sent(place), (place + 1) * share
        arguments: list[object] = [str(self.logs[place]), PREFIX, self.links, first, last, self.choose.randrange(10**6)]
        arguments.append(max(10, int(share / self.kills / SECONDS)))
        return self._start("tests.support.children.publish_clicks", *map(str, arguments))

    def _kill(self, kind: str) -> None:
        if kind == "broker":
            self.server.kill()
            time.sleep(self.choose.random())
            self.server.start()
        else:
            if kind == "consumer":
                time.sleep(max(0.0, self.at_work_from - time.monotonic()))
            working = [one for one in [*self.running] if one and one.poll() is None]
            victim = self.consumer if kind == "consumer" else self.choose.choice(working or [self.consumer])
            victim.send_signal(signal.SIGKILL)
            kind = "consumer" if victim is self.consumer else kind
            if victim.wait() != -signal.SIGKILL:
                return
        self.killed[kind] += 1

    def _count_the_rest(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            done = self._start("django", "notification_consume", "--skip-checks", "--once", "--verbosity=0")
            if done.wait(300) == 0 and self._is_empty():
                return
            time.sleep(0.5)
        raise AssertionError(f"the queue never became empty: {self._said()}")

    def _is_empty(self) -> bool:
        """Also of what the broker has handed over to a consumer that is gone: it comes back in a moment."""
        time.sleep(0.5)
        with connected(self.server.url):
            return not ready(QUEUE, self.server.url)

    def _read(self) -> None:
        """What the publishers have written: what was to be recorded, and of what it is certain that it was."""
        self.url_of: dict[str, str] = {}
        self.certain: set[str] = set()
        for log in self.logs:
            for line in log.read_text().splitlines():
                kind, key, *url = line.split()
                if kind == "s":
                    self.url_of[key] = url[0]
                else:
                    self.certain.add(key)

    def problems(self) -> list[str]:
        """What does not hold, by id and by address; in this process's database."""
        from notifications_counter.contrib.clicks.models import Click, ClickDay, CountedClick, KeptClick

        counted = {key.hex for key in CountedClick.objects.values_list("pk", flat=True)}
        stored = dict(Click.objects.values_list("url", "click_count"))
        in_days: collections.Counter[str] = collections.Counter()
        for url, number in ClickDay.objects.values_list("url", "click_count"):
            in_days[url] += number
        once = collections.Counter(url for key, url in self.url_of.items() if key in counted)
        recorded = collections.Counter(self.url_of.values())
        found = {
            "clicks more than were ever recorded": sum(max(0, stored[url] - recorded[url]) for url in stored),
            "certain clicks that are not counted": len(self.certain - counted),
            "ids that nobody has recorded": len(counted - self.url_of.keys()),
            "addresses whose count is not that of their ids": _differing(stored, once),
            "addresses whose count by day is not": _differing(in_days, once),
            "clicks that are still kept": KeptClick.objects.count(),
        }
        return [f"{number} {what}" for what, number in found.items() if number]

    def said(self) -> str:
        doubt = len(self.url_of.keys() - self.certain)
        kills = ", ".join(f"{number} of the {kind}" for kind, number in sorted(self.killed.items()))
        return (
            f"NC_SEED={self.seed}: {self.killed.total()} kills ({kills});"
            f" {len(self.certain):,} clicks confirmed or kept, {doubt:,} in doubt"
        )


def _differing(one: Mapping[str, int], other: Mapping[str, int]) -> int:
    return sum(one.get(url, 0) != other.get(url, 0) for url in one.keys() | other.keys())
