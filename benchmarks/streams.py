"""What many idle live badges take on one process of a server, and how fast they learn of a notification.

    python -m benchmarks streams [--streams 5000] [--seconds 20] [--rate 50]

Three servers take turns: one with so many idle connections, which have asked for a page; one with so many streams; and
one with the same values from Django's own StreamingHttpResponse. Each stream is of a user of its own. Prints the memory
of each connection or stream, the connections to the database, and how long it took from just before a commit until a
client had read the new value.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from .environment import USERS, execute, postgresql_and_valkey

SETTINGS = "benchmarks.streams_settings"

#: What takes turns, by its address.
KINDS = {"/other/": "an idle connection", "/inbox/live/": "a stream", "/streaming/": "a StreamingHttpResponse"}

#: Clients that connect at the same time: each request of Django has a connection to the database for a moment.
AT_ONCE = 20


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


@dataclass
class Measured:
    """What one server took.

    Attributes:
        bytes_each: its memory for each connection.
        connections: to the database, meanwhile.
        delays: seconds from a commit to a client.
        missed: values that no client has read.
    """

    bytes_each: float
    connections: int
    delays: list[float] = field(default_factory=list)
    missed: int = 0


class Clients:
    """Connections in this process, which note when each of them has read what."""

    def __init__(self, port: int, path: str) -> None:
        self.port = port
        self.path = path
        self.read: dict[tuple[int, int], float] = {}
        self.writers: list[asyncio.StreamWriter] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def connect(self, sessions: Sequence[tuple[int, str]]) -> None:
        for start in range(0, len(sessions), AT_ONCE):
            await asyncio.gather(*(self._connect(*one) for one in sessions[start : start + AT_ONCE]))

    async def _connect(self, user: int, session: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        request = f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sessionid={session}\r\n\r\n"
        writer.write(request.encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 120)
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(f"{self.path}: {head.decode()}")
        if self.path != "/other/":
            await asyncio.wait_for(reader.readuntil(b'"revision"'), 120)
            self.tasks.append(asyncio.create_task(self._read(user, reader)))
        self.writers.append(writer)

    async def _read(self, user: int, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b"data: "):
                self.read.setdefault((user, json.loads(line[6:])["unread"]), time.time())

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.sleep(0.1)


def write(seconds: float, rate: float) -> None:
    """Create notifications for users at random; print of each whose it is, which one, and when its commit began."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.db import transaction

    from notifications_counter.models import Notification, UserNotificationsCount

    users = list(User.objects.values_list("pk", flat=True))
    numbers = UserNotificationsCount.counter.values(users)
    done, began = [], time.monotonic()
    for place in range(round(seconds * rate)):
        time.sleep(max(0.0, began + place / rate - time.monotonic()))
        user = random.choice(users)
        with transaction.atomic():
            Notification.objects.create(user_id=user, text="news")
            numbers[user] += 1
            done.append((user, numbers[user], time.time()))
    json.dump(done, sys.stdout)


def make_sessions(users: int) -> list[tuple[int, str]]:
    """A session of each of so many users."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    execute(USERS, users)
    made, store, until = [], SessionStore(), timezone.now() + timezone.timedelta(days=1)
    for user in User.objects.all():
        content = {SESSION_KEY: str(user.pk), HASH_SESSION_KEY: user.get_session_auth_hash()}
        content[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        made.append(Session(f"{user.pk:032d}", store.encode(content), until))
    Session.objects.bulk_create(made, batch_size=1000)
    return [(int(session.session_key), session.session_key) for session in made]


def memory(process: int) -> int:
    """The bytes that a process holds."""
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def database_connections() -> int:
    """Those to the database but our own."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        found = int(cursor.fetchone()[0])
    connection.close()  # an event loop has one of its own
    return found


async def measure(path: str, sessions: Sequence[tuple[int, str]], options: argparse.Namespace) -> Measured:
    from tests.support.web_servers import WebServer

    server = WebServer("uvicorn", SETTINGS, NC_SERVER_OPTIONS="--timeout-keep-alive 600")
    clients = Clients(server.port, path)
    try:
        warm = len(sessions) // 10
        await clients.connect(sessions[:warm])
        await asyncio.sleep(2)
        before = memory(server.process.pid)
        await clients.connect(sessions[warm:])
        await asyncio.sleep(5)
        found = Measured((memory(server.process.pid) - before) / (len(sessions) - warm), database_connections())
        if path != "/other/":
            await delays(clients, found, options)
        return found
    except RuntimeError as error:
        sys.exit(f"{error}{server.said()}")
    finally:
        await clients.close()
        server.end()


async def delays(clients: Clients, found: Measured, options: argparse.Namespace) -> None:
    command = [sys.executable, "-m", "benchmarks.streams", "--write"]
    command += ["--seconds", str(options.seconds), "--rate", str(options.rate)]
    writer = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await writer.communicate()
    await asyncio.sleep(2)
    for user, number, committed in json.loads(out):
        read = [at for (who, unread), at in clients.read.items() if who == user and unread >= number]
        if read:
            found.delays.append(min(read) - committed)
        else:
            found.missed += 1


def print_row(path: str, found: Measured, idle: float) -> None:
    line = f"{KINDS[path]:<26}{found.bytes_each / 1024:>9.1f} KB{(found.bytes_each - idle) / 1024:>7.1f} KB"
    line += f"{found.connections:>10}"
    if found.delays:
        p99 = statistics.quantiles(found.delays, n=100)[98]
        line += f"{1000 * statistics.median(found.delays):>7.1f} ms{1000 * p99:>7.1f} ms{found.missed:>8}"
    print(line, flush=True)


def main() -> None:
    options = arguments()
    if options.write:
        return write(options.seconds, options.rate)
    files = 2 * options.streams + 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    with postgresql_and_valkey(settings=SETTINGS):
        from django.db import connections

        sessions = make_sessions(options.streams)
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        print(f"{options.streams} on one process of uvicorn; {options.rate:g} notifications a second\n")
        print(
            f"{'':<26}{'memory each':>12}{'beyond':>10}{'database':>10}{'median':>10}{'p99':>10}{'missed':>8}",
            flush=True,
        )
        connections.close_all()
        idle = 0.0
        for path in KINDS:
            found = asyncio.run(measure(path, sessions, options))
            idle = idle or found.bytes_each
            print_row(path, found, idle)
        time.sleep(2)  # until PostgreSQL has noticed that the servers are gone


if __name__ == "__main__":
    main()
