"""Web servers in processes of their own, which serve the site with live badges on the running tests' databases."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from .base import ROOT, child_environment
from .servers import HOST, free_port

APPLICATION = "tests.support.live_application:application"
WSGI = "tests.support.live_application:wsgi"

#: Server -> its command, in which the port is still to be filled in.
COMMANDS: dict[str, list[str]] = {
    "uvicorn": ["uvicorn", APPLICATION, "--port", "{port}", "--log-level", "warning"],
    "daphne": ["daphne", "-p", "{port}", "-v", "0", APPLICATION],
    "hypercorn": ["hypercorn", APPLICATION, "--bind", f"{HOST}:{{port}}", "--log-level", "warning"],
    "granian": ["granian", "--interface", "asgi", "--port", "{port}", "--log-level", "warning", APPLICATION],
    "gunicorn": ["gunicorn", APPLICATION, "-k", "asgi", "--bind", f"{HOST}:{{port}}", "--log-level", "warning"],
    "wsgi": ["gunicorn", WSGI, "--threads", "4", "--bind", f"{HOST}:{{port}}", "--log-level", "warning"],
}


def is_installed(name: str) -> bool:
    return importlib.util.find_spec({"wsgi": "gunicorn"}.get(name, name)) is not None


class WebServer:
    """One that a test may kill, and start again on the same port.

    Args:
        name: which one, of ``COMMANDS``.
        settings: of the site.
        environment: more of it, such as ``NC_INBOX``; ``NC_SERVER_OPTIONS`` are more of its command.
    """

    def __init__(
        self, name: str = "uvicorn", settings: str = "tests.support.live_settings", **environment: str
    ) -> None:
        self.name = name
        self.settings = settings
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.environment = environment
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._alive: int | None = None
        self.start()

    def start(self) -> None:
        command = [part.format(port=self.port) for part in COMMANDS[self.name]]
        command += self.environment.get("NC_SERVER_OPTIONS", "").split()
        # Which ends when this process does, even by SIGKILL: see live_application.
        alive, self._alive = os.pipe()
        environment = child_environment(
            DJANGO_SETTINGS_MODULE=self.settings, NC_ALIVE=f"{alive} {os.fstat(alive).st_ino}", **self.environment
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
            pass_fds=[alive],
        )
        os.close(alive)
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + 40
        while True:
            with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), 5):
                return
            assert self.process.poll() is None and time.monotonic() < end, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        """What the server has logged."""
        self.log.seek(0)
        return self.log.read()

    def kill(self) -> None:
        """SIGKILL, of all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._close()

    def _close(self) -> None:
        if self._alive is not None:
            os.close(self._alive)
            self._alive = None

    def stop(self, seconds: float = 30) -> float:
        """SIGTERM; for how many seconds it went on."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(seconds)
        self._close()
        return time.monotonic() - began

    def end(self) -> None:
        self.kill()
        self.log.close()


@contextlib.contextmanager
def web_server(name: str = "uvicorn", inbox: dict[str, Any] | None = None, **environment: str) -> Iterator[WebServer]:
    """A server that ends with the block; ``inbox`` are settings of the inbox."""
    server = WebServer(name, NC_INBOX=json.dumps(inbox or {}), **environment)
    try:
        yield server
    finally:
        server.end()
