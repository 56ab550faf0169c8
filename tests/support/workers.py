"""Processes that run the tests, each with a Valkey and databases of its own, so that they share nothing but queues."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from redis import Redis

from .queue import Queue
from .servers import valkey

ROOT = Path(__file__).resolve().parents[2]

#: Seconds that a process has to end its servers in.
SECONDS_TO_END = 20

#: One more process makes databases of its own first: that pays only where so many classes are left.
WORTH_HELP = 6


@dataclasses.dataclass
class Pair:
    """A database and a buffer, and what became of the tests of one suite.

    Attributes:
        command: which runs the tests, in the environment that a worker adds to.
        suite: "engine", or "apps" for those of the apps that are built on it.
        effort: how far tests go whose length is arbitrary: "quick", "most" or "long".
        without: the tags of tests that are left out.
        url: of the database; empty for SQLite.
        started: how many processes were to run its tests.
        statuses: with which they ended.
        seconds: how long they took in all.
        again: what became of the classes that have failed, when they ran once more; None where none did.
    """

    database: str
    buffer: str
    url: str
    queue: Queue
    command: Sequence[str]
    suite: str = "engine"
    effort: str = "most"
    without: Sequence[str] = ()
    started: int = 0
    statuses: list[int] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    again: Pair | None = None

    @property
    def name(self) -> str:
        return f"{self.database}+{self.buffer}{' apps' if self.suite == 'apps' else ''}"


class Worker:
    """At most one process at a time.

    Args:
        number: which no other worker has.
        redis_url: of its own Valkey; empty if there can be none.
    """

    def __init__(self, number: int, redis_url: str) -> None:
        self.number = number
        self.redis_url = redis_url
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, pair: Pair, environment: dict[str, str]) -> None:
        if self.redis_url:
            with Redis.from_url(self.redis_url) as client:
                client.flushall()  # of the pair before
        own = {"NC_WORKER": str(self.number), "NC_REDIS_URL": self.redis_url}
        of_pair = {"NC_DATABASE_URL": pair.url, "NC_BUFFER": pair.buffer, "NC_PAIR": pair.name}
        of_pair["NC_EFFORT"] = pair.effort
        queue = {"NC_QUEUE_DIRECTORY": str(pair.queue.directory)}
        self.pair, self.began = pair, time.monotonic()
        pair.started += 1
        # In a session of its own, so that Ctrl-C reaches it once, from here, and what it leaves can be found.
        self.process = subprocess.Popen(
            pair.command, cwd=ROOT, env={**environment, **own, **of_pair, **queue}, start_new_session=True
        )

    @property
    def is_busy(self) -> bool:
        """Whether its process runs; one that has ended is noted and cleared away."""
        if self.process and self.process.poll() is not None:
            self._note(self.process)
        return self.process is not None

    def _note(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what a test has started and left
        self.pair.statuses.append(process.returncode)
        self.pair.seconds += time.monotonic() - self.began
        self.process = None

    def stop(self, until: float) -> None:
        """Wait for an end that was asked for, but no longer than that."""
        if self.process:
            try:
                self.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self._note(self.process)


class Workers:
    """Some workers, and the pairs that wait for one; as a context manager, none outlives its block."""

    def __init__(self, workers: list[Worker], environment: dict[str, str]) -> None:
        self.workers = workers
        self.environment = environment

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, traceback: TracebackType | None) -> None:
        busy = [worker for worker in self.workers if worker.process]
        for worker in busy:
            if worker.process and worker.process.poll() is None:
                worker.process.terminate()
        until = time.monotonic() + SECONDS_TO_END
        for worker in busy:
            worker.stop(until)

    def run(self, pairs: Sequence[Pair]) -> None:
        """Run the tests of each pair, in one process each as long as pairs wait; then they help each other."""
        waiting = list(pairs)
        while True:
            idle = [worker for worker in self.workers if not worker.is_busy]
            for worker in idle:
                pair = waiting.pop(0) if waiting else self._in_need(pairs)
                if pair:
                    worker.start(pair, self.environment)
            if not any(worker.process for worker in self.workers):
                return
            time.sleep(0.1)

    def run_alone(self, pairs: Sequence[Pair]) -> None:
        """Run the tests of each pair in one process, one after the other, with the machine to themselves."""
        Workers(self.workers[:1], self.environment).run(pairs)

    def _in_need(self, pairs: Sequence[Pair]) -> Pair | None:
        """Of the pairs that are at work the one with most left to do, if that is enough."""
        helpable = [pair for pair in pairs if pair.started < len(self.workers) and pair.queue.left >= WORTH_HELP]
        return max(helpable, key=lambda pair: pair.queue.left, default=None)


@contextlib.contextmanager
def workers(number: int, environment: dict[str, str]) -> Iterator[tuple[Workers, str]]:
    """So many workers, and why there is no Valkey, if there is none."""
    with contextlib.ExitStack() as stack:
        urls, reason = [""] * number, ""
        try:
            urls = [stack.enter_context(valkey()) for _ in range(number)]
        except Exception as error:  # whatever it is, the other buffer can be tested
            reason = f"Valkey does not run here: {error}"
        made = [Worker(place + 1, url) for place, url in enumerate(urls)]
        yield stack.enter_context(Workers(made, environment)), reason
