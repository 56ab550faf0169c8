"""What the scripts of OpenSearch and Elasticsearch have in common: jars from Maven, and one node of one server."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
#: Seconds in which a node answers after its start, and ends after it is told to.
START, STOP = 120.0, 30.0

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy-dependencies"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>node</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}</dependencies>
</project>
"""
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
#: Options of Java that start a node quickly and need little memory, for tests; and those that both servers come with,
#: for measurements: what is compiled for good, and a collector that a heap's limit is made for.
SMALL = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
AS_SHIPPED = ("-XX:+UseG1GC", "-XX:G1ReservePercent=25", "-XX:InitiatingHeapOccupancyPercent=30")

LOG4J = """status = error
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


class EngineMissing(Exception):
    """There can be no such server on this machine, and why."""


@dataclass(frozen=True)
class Build:
    """One version of a server, and how it is put together.

    Attributes:
        product: what it is called, in lower case.
        version: which one.
        artifacts: group, name and version of what Maven fetches.
        java: the oldest release of Java that runs it.
        main: the Java class that runs it, whose source is beside this file.
        options: further options of Java.
    """

    product: str
    version: str
    artifacts: tuple[tuple[str, str, str], ...]
    java: int
    main: str
    options: tuple[str, ...] = ()

    def directory(self) -> Path:
        """Where it is, or will be."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return Path(os.environ.get("NC_ENGINES") or cache / "notifications-counter") / f"{self.product}-{self.version}"

    def fetch(self) -> Path:
        """Fetch and compile it, where it is not there yet; its directory.

        Raises:
            EngineMissing: Maven or a JDK is not installed, or has failed.
        """
        found = self.directory()
        if (found / "made").exists():
            return found
        home = java_home(self.java)
        if not shutil.which("mvn"):
            raise EngineMissing("Maven (mvn) is not installed, which fetches it")
        found.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=found.parent) as directory:
            made = Path(directory, "made-here")
            made.mkdir()
            self._copy_jars(made, home)
            self.assemble(made, home)
            (made / "log4j2.properties").write_text(LOG4J)
            (made / "made").touch()
            with contextlib.suppress(OSError):  # another process was quicker; a rename is whole or not at all
                made.rename(found)
        return found

    def _copy_jars(self, made: Path, home: Path) -> None:
        dependencies = "".join(DEPENDENCY.format(*artifact) for artifact in self.artifacts)
        (made / "pom.xml").write_text(POM.format(dependencies=dependencies))
        command = ["mvn", "-q", "-B", "-f", str(made / "pom.xml"), COPY, f"-DoutputDirectory={made / 'jars'}"]
        run([*command, "-DincludeScope=runtime"], home)

    def assemble(self, made: Path, home: Path) -> None:
        """Compile what is needed beside the jars."""
        compile_java(home, made / "jars", made / "classes", self.main)


def run(command: Sequence[str], home: Path) -> None:
    """Run a program that must succeed.

    Raises:
        EngineMissing: it has failed.
    """
    environment = {**os.environ, "JAVA_HOME": str(home)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise EngineMissing(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}")


def compile_java(home: Path, jars: Path, target: Path, name: str) -> None:
    """Compile a source that is beside this file."""
    command = [str(home / "bin" / "javac"), "-nowarn", "-cp", f"{jars}/*", "-d", str(target)]
    run([*command, str(HERE / f"{name}.java")], home)


def java_home(least: int) -> Path:
    """The JDK of $NC_ENGINES_JAVA_HOME or $JAVA_HOME, or the newest one of the system.

    Raises:
        EngineMissing: there is none that is new enough.
    """
    named = [Path(os.environ[name]) for name in ("NC_ENGINES_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    installed = sorted(Path("/usr/lib/jvm").glob("*"), key=java_release, reverse=True)
    for home in [*named, *installed]:
        if (home / "bin" / "javac").exists() and java_release(home) >= least:
            return home
    raise EngineMissing(f"a JDK of release {least} or newer is not installed (NC_ENGINES_JAVA_HOME says where one is)")


def java_release(home: Path) -> int:
    """Which release a JDK is; 0 where it is none."""
    try:
        found = re.search(r'JAVA_VERSION="(\d+)', (home / "release").read_text())
    except OSError:
        return 0
    return int(found.group(1)) if found else 0


def free_port(wanted: int = 0) -> int:
    """A port on which nobody listens, the wanted one if it is."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            found: int = probe.getsockname()[1]
            return found
    raise EngineMissing("no port is free")


class Node:
    """One node, with plain HTTP on the loopback address.

    Args:
        build: what it is a node of.
        directory: where its data and its log are, which may be there from before.
        settings: further settings of it, as ``name=value``.
        heap: how much memory Java takes for its objects.
        java: options of Java.
        with_parent: whether it ends with this process, however it ends.
    """

    def __init__(
        self,
        build: Build,
        directory: Path,
        *,
        settings: Sequence[str] = (),
        heap: str = "512m",
        java: Sequence[str] = SMALL,
        with_parent: bool = False,
    ) -> None:
        self.build, self.directory = build, directory.resolve()
        self.settings, self.heap, self.java, self.with_parent = settings, heap, java, with_parent
        self.started: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where clients reach it."""
        return int((self.directory / "port").read_text())

    @property
    def url(self) -> str:
        """The same as a URL."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Its process; None where it does not run. The number in the file may be another's by now."""
        try:
            pid = int((self.directory / "pid").read_text())
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            is_its_own = str(self.directory / "data").encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if is_its_own and status != "Z" else None

    def start(self) -> None:
        """Start it, where it does not run, and wait until it answers; on the port of before, if that is free.

        Raises:
            EngineMissing: it has ended, or does not answer in time.
        """
        made = self.build.fetch()
        if self.pid:
            return
        (self.directory / "home" / "config").mkdir(parents=True, exist_ok=True)
        if (made / "modules").exists() and not (self.directory / "home" / "modules").exists():
            (self.directory / "home" / "modules").symlink_to(made / "modules")
        earlier = self.directory / "port"
        earlier.write_text(str(free_port(int(earlier.read_text()) if earlier.exists() else 0)))
        with (self.directory / "node.log").open("ab") as log:
            self.started = subprocess.Popen(
                self._command(made), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        (self.directory / "pid").write_text(str(self.started.pid))
        self._wait()

    def _command(self, made: Path) -> list[str]:
        home = self.directory / "home"
        ends_too = shutil.which("setpriv") if self.with_parent else None
        return [
            *([ends_too, "--pdeathsig", "KILL"] if ends_too else []),
            str(java_home(self.build.java) / "bin" / "java"),
            *(f"-Xms{self.heap}", f"-Xmx{self.heap}", *self.java),
            *("-XX:-UsePerfData", "-Djava.awt.headless=true", "-Dlog4j2.disable.jmx=true"),
            *(f"-Djava.io.tmpdir={home}", f"-Dlog4j2.configurationFile={made / 'log4j2.properties'}"),
            *(option.format(made=made, home=home) for option in self.build.options),
            *("-cp", f"{made / 'classes'}:{made / 'jars'}/*", self.build.main),
            *(str(home), str(self.directory / "data"), str(self.port), *self.settings),
        ]

    def _wait(self) -> None:
        assert self.started is not None
        end = time.monotonic() + START
        while self.started.poll() is None and time.monotonic() < end:
            if self._answers():
                return
            time.sleep(0.1)
        said = (self.directory / "node.log").read_text(errors="replace")[-2000:]
        self.stop(signal.SIGKILL)
        raise EngineMissing(f"{self.build.product} {self.build.version} does not answer:\n{said}")

    def _answers(self) -> bool:
        # Yellow: the primary shards of all indexes are open, also after a restart.
        with contextlib.suppress(OSError, ValueError):
            health = f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=2s"
            with urllib.request.urlopen(health, timeout=5) as response:
                return not json.load(response)["timed_out"]
        return False

    def send(self, number: int) -> None:
        """Send a signal to its process."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it; by SIGKILL where it takes too long."""
        for each in (number, signal.SIGKILL):
            self.send(each)
            end = time.monotonic() + STOP
            while self.pid and time.monotonic() < end:
                time.sleep(0.05)
        if self.started is not None:
            self.started.wait(STOP)
            self.started = None


@contextlib.contextmanager
def running(
    build: Build, *, settings: Sequence[str] = (), heap: str = "512m", java: Sequence[str] = SMALL
) -> Iterator[Node]:
    """A node that ends with the block, and with the process, and leaves nothing.

    Args:
        build: what it is a node of.
        settings: as of ``Node``.
        heap: as of ``Node``.
        java: as of ``Node``.
    """
    with tempfile.TemporaryDirectory(prefix=f"{build.product}-") as directory:
        node = Node(build, Path(directory), settings=settings, heap=heap, java=java, with_parent=True)
        try:
            node.start()
            yield node
        finally:
            node.stop(signal.SIGKILL)


def main(description: str, builds: dict[str, Build]) -> None:
    """The command line of a script.

    Args:
        description: its docstring.
        builds: what there is by version, the first one by default.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch")
    start = commands.add_parser("start")
    start.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    start.add_argument("--heap", default="512m")
    for command in commands.choices.values():
        command.add_argument("--version", choices=list(builds), default=next(iter(builds)))
    for command in (start, commands.add_parser("stop")):
        command.add_argument("directory", type=Path, metavar="DIRECTORY")
    given = parser.parse_args()
    build = builds[getattr(given, "version", next(iter(builds)))]
    try:
        if given.command == "fetch":
            print(build.fetch())
        elif given.command == "start":
            node = Node(build, given.directory, settings=given.set, heap=given.heap)
            node.start()
            print(node.url)
        else:
            Node(build, given.directory).stop()
    except EngineMissing as error:
        sys.exit(f"{build.product}: {error}")
