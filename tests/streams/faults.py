"""Processors and emitters in processes of their own, which are killed and stopped at random, on any log."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Max

from ..support.base import ROOT, child_environment
from ..support.proxy import Proxy
from ..support.servers import Postgresql
from .models import Seen

SESSION_TIMEOUT = 1.5
#: Of a message; whatever else an emitter prints is its log.
ID = re.compile(r"\d+-\d+")
PROCESSORS, EMITTERS, RATE = 3, 2, 60
#: What happens, and its share.
FAULTS = {"kill processor": 30, "pause processor": 20, "end processor": 20, "kill emitter": 15}
if connection.vendor != "sqlite":
    FAULTS |= {"cut connections": 10, "cut network": 10}
#: The shares of a broker and of a database that may be killed, where there is one.
KILL_BROKER = RESTART_DATABASE = 10
#: Seconds for which the network to the database is cut, and a broker is away.
AWAY = (0.1, 1.5)
#: Seconds in which something is applied after a fault, or the next one happens all the same.
PATIENCE = 30.0

#: Which connection this is, which there are, and how one of them is cut.
OWN_AND_OTHERS = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> %s"),
    "mysql": ("SELECT CONNECTION_ID()", "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> %s"),
}
DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306}
CUT = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL CONNECTION %s"}


class Faults:
    """A run of faults.

    Args:
        topic: what is emitted into.
        seed: of what happens.
        kill_broker: kills a broker, chosen by the random numbers that it is given, and starts it again.
        database: the server of the default database, where that may be killed.
        environment: for the processes.
    """

    def __init__(
        self,
        topic: str,
        seed: int,
        *,
        kill_broker: Callable[[random.Random], object] | None = None,
        database: Postgresql | None = None,
        **environment: str,
    ) -> None:
        self.topic = topic
        self.shares = (
            FAULTS
            | ({"kill broker": KILL_BROKER} if kill_broker else {})
            | ({"restart database": RESTART_DATABASE} if database else {})
        )
        self._kill_broker = kill_broker
        self._database = database
        self.random = random.Random(seed)
        streams = json.dumps({"SESSION_TIMEOUT": SESSION_TIMEOUT, **json.loads(environment.pop("NC_STREAMS", "{}"))})
        self.environment = {"DJANGO_SETTINGS_MODULE": "tests.apps_settings", "NC_STREAMS": streams, **environment}
        self.proxy: Proxy | None = None
        self.processors: list[subprocess.Popen[str]] = []
        self.emitters: list[subprocess.Popen[str]] = []
        self.acknowledged: list[str] = []
        self.happened: collections.Counter[str] = collections.Counter()
        self.said: list[str] = []
        self.idle = self._last = 0
        self._threads: list[threading.Thread] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=child_environment(**self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return process

    def start_processor(self) -> None:
        process = self.start("django", "stream_process", "faults", "-v0")
        self._listen(process, self.said)
        self.processors.append(process)

    def start_emitter(self) -> None:
        prefix = f"{len(self._threads)}"
        process = self.start("tests.streams.emit_until_killed", self.topic, prefix, str(RATE))
        self._listen(process, self.acknowledged)
        self.emitters.append(process)

    def _listen(self, process: subprocess.Popen[str], lines: list[str]) -> None:
        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                if line.endswith("\n") and (lines is self.said or ID.fullmatch(line.strip())):
                    lines.append(line.strip())
            process.stdout.close()

        thread = threading.Thread(target=listen)
        thread.start()
        self._threads.append(thread)

    def run(self, number: int) -> None:
        """Let so many faults happen, at least 5 % of each kind, and then let everybody end."""
        try:
            if "cut network" in self.shares:
                self._start_proxy()
            for _ in range(PROCESSORS):
                self.start_processor()
            for _ in range(EMITTERS):
                self.start_emitter()
            for fault in self._faults(number):
                self._wait_until_applied()
                time.sleep(self.random.uniform(0.05, 0.6))
                getattr(self, fault.replace(" ", "_"))()
                self.happened[fault] += 1
            time.sleep(0.5)
        finally:
            self.end()

    def _wait_until_applied(self) -> None:
        """Let each fault happen to processes that are at work: something has been applied since the one before."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(DatabaseError):
                last = Seen.objects.aggregate(last=Max("id"))["last"] or 0
                if last > self._last:
                    self._last = last
                    return
            time.sleep(0.05)
        self.idle += 1

    def _faults(self, number: int) -> list[str]:
        whole = sum(self.shares.values())
        found = [fault for fault, share in self.shares.items() for _ in range(-(-number * share // whole))]
        self.random.shuffle(found)
        return found

    def _one(self, processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
        return processes.pop(self.random.randrange(len(processes)))

    def kill_processor(self) -> None:
        process = self._one(self.processors)
        process.kill()
        process.wait()
        self.start_processor()

    def pause_processor(self) -> None:
        """Beyond the end of its leases, so that it wakes up as a zombie."""
        process = self._one(self.processors)
        process.send_signal(signal.SIGSTOP)
        time.sleep(SESSION_TIMEOUT + self.random.uniform(0.5, 1.5))
        process.send_signal(signal.SIGCONT)
        self.processors.append(process)

    def end_processor(self) -> None:
        process = self._one(self.processors)
        process.terminate()
        status = process.wait(30)
        assert status in (0, -signal.SIGTERM), f"status {status}: {self.said}"  # the latter while it starts
        self.start_processor()

    def kill_emitter(self) -> None:
        process = self._one(self.emitters)
        process.kill()
        process.wait()
        self.start_emitter()

    def cut_connections(self) -> None:
        """All connections to the database but this one, in whatever transaction they are."""
        own, others = OWN_AND_OTHERS[connection.vendor]
        with connection.cursor() as cursor:
            cursor.execute(own)
            (mine,) = cursor.fetchone()
            cursor.execute(others, [connection.settings_dict["NAME"], mine])
            for (id,) in cursor.fetchall():
                with contextlib.suppress(DatabaseError):  # it has ended by itself
                    cursor.execute(CUT[connection.vendor], [id])

    def _start_proxy(self) -> None:
        """Let the processes reach the database through a proxy."""
        url = urlsplit(self._database.url if self._database else os.environ["NC_DATABASE_URL"])
        self.proxy = Proxy(url.port or DEFAULT_PORTS[connection.vendor])
        address = (
            f"{url.netloc.rpartition(':')[0]}:{self.proxy.port}" if url.port else f"{url.netloc}:{self.proxy.port}"
        )
        self.environment["NC_DATABASE_URL"] = url._replace(netloc=address).geturl()

    def cut_network(self) -> None:
        """For a while, connections to the database are lost before a question, or in the middle of its answer."""
        assert self.proxy is not None
        self.proxy.requests = self.proxy.replies = 0.5
        time.sleep(self.random.uniform(*AWAY))
        self.proxy.requests = self.proxy.replies = 0.0

    def kill_broker(self) -> None:
        assert self._kill_broker is not None
        self._kill_broker(self.random)

    def restart_database(self) -> None:
        """It ends at once, as if it had crashed, in the middle of whatever it does, and recovers."""
        assert self._database is not None
        self._database.run("restart", "-m", "immediate")
        connection.close()

    def end(self) -> None:
        for process in self.emitters:
            process.kill()
        for process in self.processors:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in [*self.emitters, *self.processors]:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thread in self._threads:
            thread.join()
        if self.proxy is not None:
            self.proxy.close()

    def __str__(self) -> str:
        idle = f", {self.idle} of them while nothing was applied" if self.idle else ""
        return f"{dict(self.happened)}{idle}, {len(self.acknowledged)} acknowledged messages"


def wrong(
    seen: collections.Counter[str], acknowledged: list[str], counts: dict[str, int], total: int
) -> dict[str, Any]:
    """What is wrong: messages that were lost or applied twice, and counts that do not agree with the offsets.

    Args:
        seen: the id of each message that was applied -> how often.
        acknowledged: the ids that the log has confirmed.
        counts: the table of counts.
        total: the sum of the offsets of all partitions.
    """
    found = {
        "lost": [id for id in acknowledged if not seen[id]],
        "twice": [id for id, number in seen.items() if number > 1],
        "counts": [sum(counts.values())] if sum(counts.values()) != seen.total() else [],
        "offsets": [total] if total != seen.total() else [],
    }
    return {name: values for name, values in found.items() if values}
