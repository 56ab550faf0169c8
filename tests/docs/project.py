"""The project that a page of the documentation works on, in a folder of its own."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECTS = Path(__file__).resolve().parent / "projects"

#: What a page says instead of what is here: a Redis server, the folder of the site.
REDIS = "127.0.0.1:6379"
SITE = "/path/to/site"

#: The file of a project with the names that its page takes for granted.
NAMES = "names.py"

#: In a page, what stands in a list already.
REST = re.compile(r"^(?P<name>[A-Za-z_]+) = \[\n(?P<indent> +)# \.\.\.$", re.MULTILINE)


class Project:
    """A Django project called ``mysite``.

    Args:
        folder: where it is to be.
        environment: more environment variables for its processes.
        redis: host and port of the server that stands for ``REDIS``.
    """

    def __init__(self, folder: Path, environment: dict[str, str], redis: str = REDIS) -> None:
        self.folder = folder
        self.environment = environment
        self.redis = redis

    def here(self, text: str) -> str:
        """What a page says, with what is here for what it names."""
        return text.replace(REDIS, self.redis).replace(SITE, str(self.folder))

    def put(self, overlay: Path) -> None:
        """Copy files into it; to its settings those of the overlay are added."""
        added = overlay / "settings.py"
        shutil.copytree(
            overlay, self.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("settings.py", "__pycache__")
        )
        if added.exists():
            self.write("mysite/settings.py", added.read_text())

    def write(self, path: str, text: str) -> None:
        """Write a file, or add to a module of Python: what is defined again takes the place of what was there."""
        target, text = self.folder / path, self.here(text)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and target.suffix == ".py":
            text = merged(target.read_text(), REST.sub(with_rest, text))
        target.write_text(text)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, **self._where(), capture_output=True, text=True, timeout=300)

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(command, **self._where(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def _where(self) -> dict[str, Any]:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("NC_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            **self.environment,
        }
        return {"cwd": self.folder, "env": environment}

    def must_run(self, *command: str) -> str:
        """What it printed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command} ended with status {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout


def with_rest(found: re.Match[str]) -> str:
    return f"{found['name']} = [\n{found['indent']}*{found['name']},"


def merged(old: str, new: str) -> str:
    """A module to which code was added; a class or function that is defined again stands where it stood."""
    olds, news = definitions(old), definitions(new)
    old_lines, new_lines = old.splitlines(), new.splitlines()
    again = [name for name in olds if name in news]
    for name in reversed(again):
        old_lines[olds[name]] = new_lines[news[name]]
    for name in sorted(again, key=lambda name: news[name].start, reverse=True):
        del new_lines[news[name]]
    return "\n".join([*old_lines, "", "", *new_lines, ""])


def definitions(code: str) -> dict[str, slice]:
    """The classes and functions that a module defines, and their lines, in their order."""
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in ast.parse(code).body if isinstance(node, kinds)]
    firsts = {node.name: min([node.lineno, *(each.lineno for each in node.decorator_list)]) for node in found}
    return {node.name: slice(firsts[node.name] - 1, node.end_lineno) for node in found}


@cache
def ready_made(kept_in: Path, kind: str) -> Path:
    """A project to be copied: ``new`` as Django makes it, or ``site`` with the package installed and migrated."""
    folder = kept_in / kind
    if kind == "new":
        folder.mkdir()
        project = Project(folder, {})
        project.must_run("django-admin", "startproject", "mysite", ".")
        # The tables that Django brings along, which no page is about.
        project.must_run("python", "manage.py", "migrate", "--verbosity=0")
    else:
        shutil.copytree(ready_made(kept_in, "new"), folder)
        project = Project(folder, {})
        project.put(PROJECTS / "site")
        project.must_run("python", "manage.py", "migrate", "--verbosity=0")
    return folder
