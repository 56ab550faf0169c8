"""Runs the blocks of a page, in their order, on a project that is made for it."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import django

from tests.support.servers import HOST, free_port, valkey

from .blocks import Block, blocks_of
from .project import NAMES, PROJECTS, REDIS, ROOT, Project, ready_made

#: Language -> the step of a session that runs it.
KINDS = {"python": "python", "shell": "shell", "html+django": "template", "sql": "sql", "text": "output"}

#: The checks that settings alone must pass.
SETTINGS_CHECKS = ("compatibility", "urls", "templates", "caches")

#: Caption -> the command that checks a file for another server; the file's name follows.
OTHER_SERVERS = {
    "crontab": "crontab -n",
    "nginx.conf": "nginx -t -c",
    "counter.service": "systemd-analyze verify",
    "rules.yml": "promtool check rules",
}

SECONDS_TO_START = 40
SECONDS_TO_END = 10

Skip = Callable[[Block, str], None]


class Visitor(Protocol):
    """Who follows a page with a browser."""

    def opens(self, url: str) -> None:
        """The site is served there."""

    def sees(self, badge: str) -> None:
        """The badge must show this."""


class Run:
    """One page on one project.

    Args:
        project: the project, as the page takes it for granted.
        skip: is told of each block that does not run, and why.
        visitor: who looks at the site that the page serves; nobody if none is given.
    """

    def __init__(self, project: Project, skip: Skip, visitor: Visitor | None = None) -> None:
        self.project = project
        self.skip = skip
        self.visitor = visitor
        self.steps: list[dict[str, Any]] = []
        self.servers = ExitStack()

    def page(self, blocks: list[Block]) -> None:
        with self.servers:
            for block in blocks:
                self.block(block)
                self._look(block)
            self.finish()

    def _look(self, block: Block) -> None:
        if self.visitor is not None and "badge" in block.marks:
            self.finish()
            self.visitor.sees(block.marks["badge"])

    def block(self, block: Block) -> None:
        if reason := block.marks.get("not run") or self._missing(block):
            self.skip(block, reason)
        elif "serves" in block.marks:
            self._serve(block)
        elif block.caption in OTHER_SERVERS:
            self._other_server(block)
        elif "checked only" in block.marks:
            self._check(block)
        elif _is_path(block.caption):
            self.finish()
            self.project.write(block.caption, block.text)
        elif block.language != "text" or "output" in block.marks:
            self._step(KINDS[block.language], block)

    def finish(self) -> None:
        """Run what has gathered. A file that changes needs a new process, as it does of a reader."""
        if not self.steps:
            return
        path = self.project.folder / "steps.json"
        path.write_text(json.dumps([*self._names(), *self.steps]))
        self.steps = []
        done = self.project.run("python", "-W", "ignore", "-m", "tests.docs.session", str(path))
        assert done.returncode == 0, f"{done.stderr.strip()}\n{done.stdout}".strip()

    def _names(self) -> Iterator[dict[str, Any]]:
        names = self.project.folder / NAMES
        if names.exists():
            yield {"kind": "python", "place": NAMES, "page": NAMES, "line": 1, "text": names.read_text()}

    def _step(self, kind: str, block: Block) -> None:
        self.steps.append(
            {
                "kind": kind,
                "place": block.place,
                "page": block.page,
                "line": block.line,
                "text": self.project.here(block.text),
                "status": block.marks.get("exits with", "0"),
                "until": block.marks.get("ends after", ""),
            }
        )

    def _missing(self, block: Block) -> str:
        """Why a block cannot run here; empty if it can."""
        program, _, version = (block.marks.get("needs") or OTHER_SERVERS.get(block.caption, "")).partition(" ")
        if program == "Django":
            return f"needs Django {version}" if tuple(map(int, version.split("."))) > django.VERSION else ""
        return f"{program} is not installed" if program and not shutil.which(program) else ""

    def _other_server(self, block: Block) -> None:
        self.finish()
        path = self.project.folder / block.caption
        path.write_text(self.project.here(block.text))
        done = self.project.run(*OTHER_SERVERS[block.caption].split(), str(path))
        assert done.returncode == 0, f"{block.place}: {done.stdout}{done.stderr}"

    def _serve(self, block: Block) -> None:
        self.finish()
        port = free_port()
        command = block.text.strip().replace(block.marks["serves"], str(port))
        server = self.project.start("bash", "-c", f"exec {command}")
        self.servers.callback(stop, server)
        wait_for(port, server, block.place)
        if self.visitor is not None:
            self.visitor.opens(f"http://{HOST}:{port}")

    def _check(self, block: Block) -> None:
        self.finish()
        path = self.project.folder / (block.caption or "mysite/settings.py")
        before = path.read_text()
        self.project.write(block.caption, block.text)
        # Not of models: for a JSONField, Django 6.1 connects to the database, which may know other options than these.
        done = self.project.run("python", "manage.py", "check", *(f"--tag={tag}" for tag in SETTINGS_CHECKS))
        assert done.returncode == 0, f"{block.place}: {done.stdout}{done.stderr}"
        path.write_text(before)


def _is_path(caption: str) -> bool:
    return "/" in caption and " " not in caption


def wait_for(port: int, server: subprocess.Popen[str], place: str) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while True:
        with suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        if server.poll() is not None or time.monotonic() > end:
            stop(server)
            raise AssertionError(f"{place}: nothing is served: {server.stderr.read() if server.stderr else ''}")
        time.sleep(0.1)


def stop(server: subprocess.Popen[str]) -> None:
    """End a server; it must not need to be killed, though badges are open."""
    server.terminate()
    try:
        server.communicate(timeout=SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        server.kill()
        raise


def run_page(name: str, start: str, skip: Skip, visitor: Visitor | None = None) -> None:
    """Run a page, such as ``docs/settings.rst``.

    Args:
        name: its file, from the root.
        start: what it works on: ``empty``, ``new`` or ``site``.
        skip: is told of each block that does not run, and why.
        visitor: who looks at the site that the page serves.
    """
    blocks, overlay = blocks_of(ROOT / name, ROOT), PROJECTS / Path(name).stem
    settings = overlay / "settings.py"
    texts = [*(block.text for block in blocks), *([settings.read_text()] if settings.exists() else [])]
    with project_for(overlay, start, any(REDIS in text for text in texts)) as project:
        Run(project, skip, visitor).page(blocks)


@contextmanager
def project_for(overlay: Path, start: str, needs_redis: bool) -> Iterator[Project]:
    with tempfile.TemporaryDirectory(prefix="docs-") as folder, ExitStack() as stack:
        project = Project(Path(folder) / "site", {})
        if start == "postgresql":
            project.environment["DOCS_POSTGRESQL_URL"] = stack.enter_context(own_database())
        if needs_redis:
            project.redis = stack.enter_context(valkey()).removeprefix("redis://").partition("/")[0]
        if start == "empty":
            project.folder.mkdir()
        else:
            shutil.copytree(ready_made(kept_in(), "new" if start == "new" else "site"), project.folder)
        if overlay.is_dir():
            project.put(overlay)
        if start == "postgresql":
            project.must_run("python", "manage.py", "migrate", "--verbosity=0")
        yield project


@contextmanager
def own_database() -> Iterator[str]:
    """The URL of a new, empty database on the server of POSTGRESQL_URL."""
    import psycopg

    server = os.environ["POSTGRESQL_URL"].rpartition("/")[0]
    name = f"docs_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@cache
def kept_in() -> Path:
    """Where the projects are that pages begin with."""
    folder = Path(tempfile.mkdtemp(prefix="docs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
