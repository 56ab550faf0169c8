"""What the demos have in common: processes of their own, as on a real site, that end with the command."""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ..processes import Interrupted, Interrupts, stop
from ..servers import WHAT_IS_MISSING

HOST = "127.0.0.1"
SECONDS_TO_START = 30


class DemoCommand(BaseCommand):
    """A command whose ``run`` starts processes, in ``environment``, until it is interrupted."""

    requires_system_checks = []  # this process works with no database

    environment: dict[str, str]
    serving = False

    def handle(self, *args: Any, **options: Any) -> None:
        self.interrupts = Interrupts()
        try:
            with self.interrupts.caught(), contextlib.ExitStack() as self.stack:
                self.run(options)
        except Interrupted:
            self.say("\nStopped.")
            sys.exit(0 if self.serving else 128 + self.interrupts.number)

    def run(self, options: dict[str, Any]) -> None:
        raise NotImplementedError

    def say(self, line: str) -> None:
        # At once, so that it stands before what the next process prints.
        self.stdout.write(line)
        self.stdout.flush()

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        with self.interrupts.held():
            process = subprocess.Popen([sys.executable, *arguments], env=self.environment, **options)
            self.stack.callback(stop, process)
        return process

    def manage(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        return self.start(str(settings.BASE_DIR / "manage.py"), *arguments, **options)

    def to_end(self, *arguments: str, **options: Any) -> None:
        """Run one of this project's commands; if it fails, so does the demo."""
        if self.manage(*arguments, **options).wait():
            sys.exit(1)

    def start_server(self, port: int) -> subprocess.Popen[bytes]:
        """Serve the site, and wait until it answers."""
        where = (f"--host={HOST}", f"--port={port}", f"--app-dir={settings.BASE_DIR}")
        server = self.start("-m", "uvicorn", "asgi:application", *where, "--log-level=warning")
        end = time.monotonic() + SECONDS_TO_START
        while not answers(port):
            if server.poll() is not None or time.monotonic() > end:
                raise CommandError(f"The server did not start on port {port}.")
            time.sleep(0.1)
        return server


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
