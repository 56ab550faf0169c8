#!/usr/bin/env python3
"""A real Apache Kafka for tests, from its published jars. Needs Java 17 or newer, and Maven to fetch it.

    python tests/servers/kafka.py fetch                    the jars, once for all: into ~/.cache, or where NC_KAFKA says
    python tests/servers/kafka.py start DIRECTORY          with one broker; prints where it listens
    python tests/servers/kafka.py start DIRECTORY --brokers 3 --set group.consumer.session.timeout.ms=10000
    python tests/servers/kafka.py stop DIRECTORY           keeps the messages: start goes on with them

Listens on the loopback address only, and writes nothing outside the two directories. KAFKA_VERSION picks another
version, JAVA_HOME another Java.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

VERSION = os.environ.get("KAFKA_VERSION", "4.4.0")
HOST = "127.0.0.1"
#: Seconds in which brokers answer after their start, and end after they are told to.
START, STOP = 90.0, 15.0

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy-dependencies"
POM = """<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-jars</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.5</version>
    </dependency>
  </dependencies>
</project>
"""
LOG4J = """<Configuration status="error">
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
  <Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""
#: What tests want: nothing waits, internal topics are small, topics are there only where they were made. The session
#: time-out is 6 seconds instead of the default of 45.
PROPERTIES = """process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{control}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={directory}/log
auto.create.topics.enable=false
default.replication.factor={brokers}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={brokers}
offsets.topic.num.partitions=3
transaction.state.log.replication.factor={brokers}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor={brokers}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.heartbeat.interval.ms=500
group.consumer.min.heartbeat.interval.ms=100
group.consumer.session.timeout.ms=6000
group.consumer.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.segment.delete.delay.ms=1000
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=1000
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=4194304
log.index.size.max.bytes=1048576
"""


class KafkaMissing(Exception):
    """There can be no Kafka on this machine, and why."""


def jars_directory() -> Path:
    """Where the jars of this version are, or will be."""
    if "NC_KAFKA" in os.environ:
        return Path(os.environ["NC_KAFKA"]).resolve()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "notifications-counter" / f"kafka-{VERSION}"


def has_jars(jars: Path) -> bool:
    """Whether Kafka is in a directory."""
    return any(jars.glob("kafka_2.13-*.jar"))


def fetch() -> Path:
    """Fetch the jars, where they are not there yet; their directory.

    Raises:
        KafkaMissing: Maven is not installed, or has failed.
    """
    jars = jars_directory()
    if has_jars(jars):
        return jars
    if not shutil.which("mvn"):
        raise KafkaMissing("Maven (mvn) is not installed, which fetches it")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as directory:
        Path(directory, "pom.xml").write_text(POM.format(version=VERSION))
        command = ["mvn", "-q", "-B", "-f", f"{directory}/pom.xml", COPY, "-DincludeScope=runtime"]
        done = subprocess.run([*command, f"-DoutputDirectory={directory}/jars"], capture_output=True, text=True)
        if done.returncode:
            raise KafkaMissing(f"Maven could not fetch it:\n{(done.stdout + done.stderr)[-2000:]}")
        with contextlib.suppress(OSError):  # another process was quicker; a rename is whole or not at all
            Path(directory, "jars").rename(jars)
    return jars


def java() -> str:
    """The program.

    Raises:
        KafkaMissing: Java is not installed.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(f"{home}/bin/java" if home else "java")
    if not found:
        raise KafkaMissing("Java is not installed, which runs it")
    return found


def free_ports(number: int) -> list[int]:
    """Ports on which nobody listens."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(number)]
        for listener in listeners:
            listener.bind((HOST, 0))
        return [listener.getsockname()[1] for listener in listeners]


def brokers_known_to(port: int) -> int:
    """How many brokers the one on a port knows; 0 while it does not answer."""
    # Metadata, version 1, of no topics: size, kind, version, correlation, client (null), number of topics.
    request = struct.pack(">ihhihi", 14, 3, 1, 1, -1, 0)
    try:
        with socket.create_connection((HOST, port), 1) as connection:
            connection.settimeout(2)
            connection.sendall(request)
            size_correlation_brokers = connection.makefile("rb").read(12)
            number: int = struct.unpack(">iii", size_correlation_brokers)[2]
            return number
    except (OSError, struct.error):
        return 0


class Node:
    """One broker, which is a controller too.

    Args:
        directory: where its settings, its messages and its output are.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.properties = directory / "server.properties"

    @property
    def port(self) -> int:
        """Where clients reach it."""
        lines = self.properties.read_text().splitlines()
        found = next(line for line in lines if line.startswith("advertised.listeners="))
        return int(found.rpartition(":")[2])

    @property
    def pid(self) -> int | None:
        """Its process; None where it does not run. The number in the file may be another's by now."""
        try:
            pid = int((self.directory / "pid").read_text())
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            is_its_own = str(self.properties).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if is_its_own and status != "Z" else None

    def java(self, jars: Path, *arguments: str) -> list[str]:
        """The command that runs a program of Kafka with this broker's settings."""
        light = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData"]
        logging = f"-Dlog4j2.configurationFile={self.directory.parent}/log4j2.xml"
        return [java(), "-cp", f"{jars}/*", *light, logging, *arguments]

    def format(self, jars: Path) -> None:
        command = ["kafka.tools.StorageTool", "format", "-t", "a2Fma2EtZm9yLXRlc3RzMQ", "-c", str(self.properties)]
        done = subprocess.run(self.java(jars, "-Xmx128m", *command), capture_output=True, text=True)
        if done.returncode:
            raise KafkaMissing(f"Its storage could not be made:\n{done.stdout + done.stderr}")

    def start(self, jars: Path, *, with_parent: bool) -> subprocess.Popen[bytes]:
        command = self.java(
            jars, "-Xms64m", "-Xmx400m", "-XX:+ExitOnOutOfMemoryError", "kafka.Kafka", str(self.properties)
        )
        ends_too = shutil.which("setpriv") if with_parent else None
        if ends_too:
            command = [ends_too, "--pdeathsig", "KILL", *command]
        with (self.directory / "out.log").open("ab") as out:
            started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.directory,
                start_new_session=not with_parent,
            )
        (self.directory / "pid").write_text(f"{started.pid}\n")
        return started

    def signal(self, number: int) -> None:
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


class Kafka:
    """Brokers that know one another.

    Args:
        directory: where everything of theirs is, which may be there from before.
        brokers: how many, where the directory is new: 1 or 3.
        settings: further settings of a broker, as ``name=value``, where the directory is new.
        with_parent: whether they end with this process, however it ends.
    """

    def __init__(
        self, directory: Path, *, brokers: int = 1, settings: Sequence[str] = (), with_parent: bool = False
    ) -> None:
        self.jars = fetch()
        self.directory = directory.resolve()
        self.with_parent = with_parent
        self.started: list[subprocess.Popen[bytes]] = []
        if not (self.directory / "made").exists():
            self._make(brokers, settings)

    @property
    def nodes(self) -> list[Node]:
        """The brokers, dead or alive."""
        return [Node(directory) for directory in sorted(self.directory.glob("node*"))]

    @property
    def servers(self) -> str:
        """Where clients reach them."""
        return ",".join(f"{HOST}:{node.port}" for node in self.nodes)

    def _make(self, brokers: int, settings: Sequence[str]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        for node in self.nodes:  # of one that was cut short
            shutil.rmtree(node.directory)
        (self.directory / "log4j2.xml").write_text(LOG4J)
        ports = free_ports(2 * brokers)
        voters = ",".join(f"{id}@{HOST}:{ports[2 * id - 1]}" for id in range(1, brokers + 1))
        for id in range(1, brokers + 1):
            node = Node(self.directory / f"node{id}")
            node.directory.mkdir()
            text = PROPERTIES.format(
                id=id,
                brokers=brokers,
                in_sync=min(brokers, 2),
                voters=voters,
                port=ports[2 * id - 2],
                control=ports[2 * id - 1],
                directory=node.directory,
            )
            node.properties.write_text(text + "".join(f"{one}\n" for one in settings))
            node.format(self.jars)
        (self.directory / "made").touch()

    def start(self) -> None:
        """Start each broker that does not run, and wait until all know one another.

        Raises:
            KafkaMissing: one has ended, or does not answer in time.
        """
        new = {node: node.start(self.jars, with_parent=self.with_parent) for node in self.nodes if node.pid is None}
        self.started += new.values()
        end = time.monotonic() + START
        while any(brokers_known_to(node.port) != len(self.nodes) for node in self.nodes):
            dead = [node for node, process in new.items() if process.poll() is not None]
            if dead or time.monotonic() > end:
                node = (dead or self.nodes)[0]
                said = (node.directory / "out.log").read_text()[-2000:]
                raise KafkaMissing(f"A broker {'has ended' if dead else 'does not answer'}:\n{said}")
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End them; by SIGKILL those that take too long."""
        for each in (number, signal.SIGKILL):
            for node in self.nodes:
                node.signal(each)
            end = time.monotonic() + STOP
            while any(node.pid for node in self.nodes) and time.monotonic() < end:
                time.sleep(0.05)
        for process in self.started:
            process.wait(STOP)
        self.started.clear()


@contextlib.contextmanager
def running(*, brokers: int = 1, settings: Sequence[str] = ()) -> Iterator[Kafka]:
    """Brokers that end with the block, and with the process, and leave nothing.

    Args:
        brokers: as of ``Kafka``.
        settings: as of ``Kafka``.
    """
    with tempfile.TemporaryDirectory(prefix="kafka-") as directory:
        server = Kafka(Path(directory), brokers=brokers, settings=settings, with_parent=True)
        try:
            server.start()
            yield server
        finally:
            server.stop(signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch")
    start = commands.add_parser("start")
    start.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    start.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    stop = commands.add_parser("stop")
    for command in (start, stop):
        command.add_argument("directory", type=Path, metavar="DIRECTORY")
    given = parser.parse_args()
    try:
        if given.command == "fetch":
            print(fetch())
        elif given.command == "start":
            server = Kafka(given.directory, brokers=given.brokers, settings=given.set)
            server.start()
            print(server.servers)
        elif (given.directory / "made").exists():
            Kafka(given.directory).stop()
    except KafkaMissing as error:
        sys.exit(f"kafka: {error}")


if __name__ == "__main__":
    main()
