"""``manage.py demo``: a database and perhaps a Redis of its own, the tour, and then the site with a flusher beside it.

Each part is a process of its own, as it would be on a real site, and ends with this one.
"""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...processes import Interrupted, Interrupts, stop
from ...samples import NAMES, PASSWORD
from ...servers import WHAT_IS_MISSING, redis_server

HOST = "127.0.0.1"
FLUSH_EVERY = 10
SECONDS_TO_START = 30


class Command(BaseCommand):
    help = "Show notifications_counter at work: a tour that checks every count, and then the example site."
    requires_system_checks = []  # this process works with no database

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="End after the tour: status 0 if all counts are right."
        )
        parser.add_argument(
            "--redis", action="store_true", help="Use the Redis buffer, on REDIS_URL or a Valkey of its own."
        )
        parser.add_argument("--port", type=int, default=8000, help="Where the site is served (8000).")

    def handle(self, *args: Any, **options: Any) -> None:
        self.interrupts = Interrupts()
        self.serving = False
        try:
            with self.interrupts.caught(), contextlib.ExitStack() as self.stack:
                self._run(options)
        except Interrupted:
            self.say("\nStopped.")
            sys.exit(0 if self.serving else 128 + self.interrupts.number)

    def say(self, line: str) -> None:
        # At once, so that it stands before what the next process prints.
        self.stdout.write(line)
        self.stdout.flush()

    def _run(self, options: dict[str, Any]) -> None:
        if not options["check"]:
            refuse_missing_server()
            refuse_taken_port(options["port"])
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self._places(options["redis"])}
        self.say("Migrating it, then the tour.")
        self._to_end("migrate", "--verbosity=0")
        self._to_end("demo_tour")
        if not options["check"]:
            self._serve(options["port"])

    def _places(self, redis: bool) -> dict[str, str]:
        """Where this demo's data are, for the settings."""
        directory = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="notifications_counter-demo-"))
        places = {"DEMO_DATABASE": str(Path(directory) / "demo.sqlite3")}
        self.say(f"Database: a new SQLite file, {places['DEMO_DATABASE']}")
        if redis:
            with self.interrupts.held():
                server = self.stack.enter_context(redis_server())
            self.say(f"Buffer: Redis, on {server.name}")
            return {**places, **server.environment}
        self.say("Buffer: a table of that database (with --redis: Redis)")
        return places

    # Processes

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.interrupts.held():
            process = subprocess.Popen([sys.executable, *arguments], env=self.environment)
            self.stack.callback(stop, process)
        return process

    def _manage(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self._start(str(settings.BASE_DIR / "manage.py"), *arguments)

    def _to_end(self, *arguments: str) -> None:
        """Run one of this project's commands; if it fails, so does the demo."""
        if self._manage(*arguments).wait():
            sys.exit(1)

    # The site

    def _serve(self, port: int) -> None:
        self._manage("notification_update_counter", f"--loop={FLUSH_EVERY}", "--verbosity=0")
        where = (f"--host={HOST}", f"--port={port}", f"--app-dir={settings.BASE_DIR}")
        server = self._start("-m", "uvicorn", "asgi:application", *where, "--log-level=warning")
        self._wait_for(server, port)
        self.serving = True
        self._say_where(port)
        raise CommandError(f"The server has ended by itself, with status {server.wait()}.")

    def _wait_for(self, server: subprocess.Popen[bytes], port: int) -> None:
        end = time.monotonic() + SECONDS_TO_START
        while not answers(port):
            if server.poll() is not None or time.monotonic() > end:
                raise CommandError(f"The server did not start on port {port}.")
            time.sleep(0.1)

    def _say_where(self, port: int) -> None:
        self.say(f"\nThe site: http://{HOST}:{port}/   user: {NAMES[0]}   password: {PASSWORD}")
        self.say(f"Other users, with the same password: {', '.join(NAMES[1:6])} and so on.")
        self.say("Open a second window beside it, and send notifications: the badge there counts.")
        self.say(f"The flusher: manage.py notification_update_counter --loop {FLUSH_EVERY}")
        self.say("Ctrl-C ends both and removes the database.")


def refuse_missing_server() -> None:
    if importlib.util.find_spec("uvicorn") is None:
        raise CommandError(WHAT_IS_MISSING.format(name="uvicorn"))


def refuse_taken_port(port: int) -> None:
    if not 0 < port < 65536:
        raise CommandError(f"--port must be a number from 1 to 65535, not {port}.")
    with socket.socket() as listener:
        if os.name == "posix":  # as the server does: a connection that has just ended does not keep the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise CommandError(f"Port {port} of {HOST} cannot be used ({error}). Choose another with --port.") from None


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False
