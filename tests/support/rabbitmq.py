"""RabbitMQ: queues of a test's own on the server of AMQP_URL, streams, and servers that a test may kill."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kombu
from django.conf import settings
from django.test import override_settings

from .servers import HOST, free_port

AMQP_URL = os.environ.get("AMQP_URL", "")
IN_CI = os.environ.get("CI") == "true"
#: Where Debian has it; another version may be unpacked in a folder, whose programs run as they are.
PROGRAMS = Path(os.environ.get("RABBITMQ_PROGRAMS", "/usr/lib/rabbitmq/bin"))
RUNS_AS_ITS_USER = os.getuid() == 0 and "RABBITMQ_PROGRAMS" not in os.environ

needs_rabbitmq = unittest.skipUnless(AMQP_URL or IN_CI, "needs a RabbitMQ at AMQP_URL")
needs_rabbitmq_programs = unittest.skipUnless(PROGRAMS.exists() or IN_CI, "needs the programs of RabbitMQ")


def with_broker(url: str = AMQP_URL, queue: str = "clicks", **more: Any) -> override_settings:
    """Settings in which clicks go through a broker."""
    own = {**settings.NOTIFICATIONS_COUNTER.get("CLICKS", {}), "BROKER": url, "QUEUE": queue, **more}
    return override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "CLICKS": own})


@contextlib.contextmanager
def connected(url: str = AMQP_URL, **options: Any) -> Iterator[Any]:
    """A plain connection of Kombu's."""
    connection = kombu.Connection(url, **options)
    try:
        connection.connect()
        yield connection
    finally:
        with contextlib.suppress(Exception):
            connection.release()


def delete(*names: str, url: str = AMQP_URL) -> None:
    """Delete exchanges and queues of these names, whether they are there or not."""
    with connected(url) as connection:
        for name in names:
            channel = connection.channel()
            channel.queue_delete(name)
            channel.exchange_delete(name)
            channel.close()


def ready(name: str, url: str = AMQP_URL) -> int:
    """How many messages a queue has that nobody has been given."""
    with connected(url) as connection, connection.channel() as channel:
        return int(channel.queue_declare(name, passive=True).message_count)


class RabbitMQ:
    """A server of its own that a test may kill; each time on the same port, with what it has written to the disk."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.port, self.stream_port = directory, free_port(), free_port()
        self.stream_url = f"rabbitmq-stream://guest:guest@{HOST}:{self.stream_port}/%2F"
        self.url = f"amqp://guest:guest@{HOST}:{self.port}//"
        self.process: subprocess.Popen[bytes] | None = None
        self.names: subprocess.Popen[bytes] | None = None
        (directory / "plugins").write_text("[rabbitmq_stream].\n")
        (directory / "rabbitmq.conf").write_text(
            f"stream.listeners.tcp.1 = {HOST}:{self.stream_port}\n"
            f"stream.advertised_host = {HOST}\nstream.advertised_port = {self.stream_port}\n"
        )
        names = {
            "MNESIA_BASE": "mnesia",
            "LOG_BASE": "log",
            "ENABLED_PLUGINS_FILE": "plugins",
            "CONFIG_FILE": "rabbitmq.conf",
        }
        self.environment = {
            "HOME": str(directory),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(free_port()),
            **{f"RABBITMQ_{name}": str(directory / path) for name, path in names.items()},
        }

    def start(self) -> None:
        with (self.directory / "out").open("ab") as out:
            if self.names is None:  # else Erlang starts one, which outlives the server
                self.names = subprocess.Popen(self._as_its_user("epmd"), cwd=self.directory, stdout=out, stderr=out)
            self.process = subprocess.Popen(
                self._as_its_user(str(PROGRAMS / "rabbitmq-server")),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        end = time.monotonic() + 90
        while True:
            try:
                with connected(self.url, connect_timeout=2):
                    return
            except Exception:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def version(self) -> str:
        with connected(self.url) as connection:
            return str(connection.connection.server_properties["version"])

    def kill(self) -> None:
        """With SIGKILL, and whatever it has started."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        assert self.process
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)

    def run(self, *command: str) -> str:
        """A command of its own, such as ``rabbitmqctl``."""
        done = subprocess.run(
            self._as_its_user(str(PROGRAMS / command[0]), *command[1:]),
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def end(self) -> None:
        self.kill()
        if self.names:
            self.names.kill()
            self.names.wait()

    def _as_its_user(self, *command: str) -> list[str]:
        variables = ["env", *(f"{name}={value}" for name, value in self.environment.items())]
        user = ["setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups", "--"] if RUNS_AS_ITS_USER else []
        return [*user, *variables, *command]


@contextlib.contextmanager
def rabbitmq() -> Iterator[RabbitMQ]:
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        own = Path(folder) / "own"
        own.mkdir()
        if RUNS_AS_ITS_USER:
            shutil.chown(own, "rabbitmq", "rabbitmq")
        server = RabbitMQ(own)
        try:
            server.start()
            yield server
        finally:
            server.end()
