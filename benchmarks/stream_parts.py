"""What the measurements of streams share: the logs, and processors that count in processes of their own."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

GROUP = "benchmark"
#: Messages that a count takes with --long, and how many keys these have.
LONG, LONG_KEYS = 1_000_000, [10_000, 1_000_000]


def parser(doc: str | None) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def of_logs(doc: str | None) -> argparse.ArgumentParser:
    """The arguments of what is measured on each log."""
    made = parser(doc)
    made.add_argument("--log", nargs="+", choices=list(LOGS), default=list(LOGS))
    return made


def of_counts(doc: str | None, *, messages: int, rounds: int) -> argparse.ArgumentParser:
    """The arguments of what counts a topic by its keys; ``--part`` is for a process that it starts itself."""
    made = parser(doc)
    made.add_argument("--long", action="store_true", help=f"{LONG:,} messages, with 10,000 and 1,000,000 keys")
    made.add_argument("--messages", type=int, default=messages)
    made.add_argument("--keys", type=int, nargs="+", default=[10_000])
    made.add_argument("--rounds", type=int, default=rounds)
    made.add_argument("--chunk", type=int, default=20_000, help="messages that one transaction applies")
    made.add_argument("--part", help=argparse.SUPPRESS)
    return made


def counts_of(made: argparse.ArgumentParser) -> argparse.Namespace:
    """What was given to ``of_counts``."""
    options = made.parse_args()
    if options.long:
        options.messages, options.keys = LONG, LONG_KEYS
    return options


class Log(NamedTuple):
    """A log: what it is called, and the setting ``LOGS`` with which it is the default one."""

    name: str
    logs: Mapping[str, Any]


@contextlib.contextmanager
def embedded(session: float) -> Iterator[Log | None]:
    from notifications_counter.contrib.streams.conf import default_logs

    yield Log("the embedded log", default_logs())


@contextlib.contextmanager
def kafka(session: float) -> Iterator[Log | None]:
    from tests.servers.kafka import KafkaMissing, running
    from tests.support.kafka import BACKEND

    milliseconds = {"session.timeout.ms": session * 1000, "heartbeat.interval.ms": min(500, session * 200)}
    settings = [f"group.consumer.{name}={value:.0f}" for name, value in milliseconds.items()]
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running(settings=settings))
        except KafkaMissing as error:
            print(f"Kafka: not measured: {error}")
            yield None
            return
        yield Log("Kafka", {"default": {"BACKEND": BACKEND, "OPTIONS": {"SERVERS": server.servers}}})


@contextlib.contextmanager
def rabbitmq(session: float) -> Iterator[Log | None]:
    from tests.support.rabbitmq_streams import BACKEND, URL

    if not URL:
        print("RabbitMQ streams: not measured: set RABBITMQ_STREAM_URL")
        yield None
        return
    yield Log("RabbitMQ streams", {"default": {"BACKEND": BACKEND, "OPTIONS": {"URL": URL}}})


#: Each takes the session time-out in seconds, and gives None where this machine lacks it.
LOGS: dict[str, Callable[[float], contextlib.AbstractContextManager[Log | None]]] = {
    "embedded": embedded,
    "kafka": kafka,
    "rabbitmq": rabbitmq,
}


@contextlib.contextmanager
def with_settings(**streams: Any) -> Iterator[None]:
    """Have settings of streams here, and in processes that are started meanwhile."""
    from django.conf import settings
    from django.test import override_settings

    os.environ["NC_STREAMS"] = json.dumps(streams)
    with override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "STREAMS": streams}):
        yield


@contextlib.contextmanager
def topic(name: str, partitions: int) -> Iterator[None]:
    """Have a topic in the default log, of which no group knows anything, and empty tables."""
    from notifications_counter.contrib.streams.exceptions import UnknownTopic
    from notifications_counter.contrib.streams.logs import get_log
    from notifications_counter.contrib.streams.models import Group
    from tests.streams.models import UserClicks

    Group.objects.all().delete()
    UserClicks.objects.all().delete()
    with contextlib.suppress(UnknownTopic):
        get_log().delete_topic(name)
    get_log().create_topic(name, partitions)
    try:
        yield
    finally:
        get_log().delete_topic(name)


def key_of(number: int, keys: int) -> str:
    """The key of a message: as evenly as can be, and in no order."""
    return f"user-{number * 7919 % keys}"


def emit(topic: str, messages: int, keys: int) -> float:
    """Emit clicks of so many keys; messages a second."""
    from notifications_counter.contrib.streams import Emitter

    began = time.perf_counter()
    with Emitter(topic, str) as emitter:
        for number in range(messages):
            emitter.emit(key_of(number, keys), "/products/7/")
    return messages / (time.perf_counter() - began)


def count(topic: str) -> None:
    """Count in this process what a topic has now."""
    from notifications_counter.contrib.streams.processor import unregister
    from notifications_counter.contrib.streams.running import Runner

    Runner(declared(topic), once=True).run()
    unregister(GROUP)


def declared(topic: str, **options: Any) -> Any:
    """The processor that counts a topic."""
    from notifications_counter.contrib.streams import Processor
    from tests.streams.models import UserClicks

    return Processor(GROUP, **{"inputs": {topic: str}, "table": UserClicks, **options})


class Process:
    """``manage.py stream_process`` in a process that is ready to begin.

    Args:
        topic: what it counts.
    """

    def __init__(self, topic: str) -> None:
        command = [sys.executable, "-m", "benchmarks.stream_parts", topic]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._is_ready = False

    def begin(self) -> None:
        """Let it join the group; at once, because Python has started already."""
        self.wait_until_ready()
        assert self.process.stdin is not None
        self.process.stdin.write("begin\n")
        self.process.stdin.flush()

    def wait_until_ready(self) -> None:
        if not self._is_ready:
            assert self.process.stdout is not None
            assert self.process.stdout.readline() == "ready\n", "a processor did not start"
            self._is_ready = True

    def kill(self) -> None:
        self.process.kill()

    def leave(self) -> None:
        """Tell it to end."""
        self.process.terminate()

    def end(self) -> None:
        """Tell it to end, and wait until it has."""
        self.process.terminate()
        self.process.communicate(timeout=60)


def main() -> None:
    import django
    from django.core.checks import run_checks
    from django.core.management import execute_from_command_line

    django.setup()
    declared(sys.argv[1])
    run_checks()  # as the command does, which would take one of the cores from those that count
    print("ready", flush=True)
    sys.stdin.readline()
    execute_from_command_line(["benchmarks", "stream_process", GROUP, "-v0", "--skip-checks"])


if __name__ == "__main__":
    main()
