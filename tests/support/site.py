"""A small site in a folder of its own: for what takes several deployments, or processes with different models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import uuid
from pathlib import Path
from typing import Any
from unittest import SkipTest

from django.conf import settings
from django.db import connection

from .base import ROOT

MODELS = """
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from notifications_counter import Counter
from notifications_counter.fields import KeyField

def owner(model=User, **more):
    return models.OneToOneField(model, models.CASCADE, primary_key=True, db_constraint=False, related_name="+", **more)
"""

HEAD = """
import json, django
django.setup()
from django.contrib.auth.models import Group, User
from notifications_counter.counters import get_counter
from notifications_counter.exceptions import *
from notifications_counter.models import Delta, Notification, Progress, UserNotificationsCount
from shop.models import *
"""

SETTINGS = """
SECRET_KEY = "only for tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "notifications_counter", "shop"]
LOGGING = {
    "version": 1,
    "handlers": {"file": {"class": "logging.FileHandler", "filename": "site.log", "delay": True}},
    "loggers": {"notifications_counter": {"handlers": ["file"]}},
}
"""


class Site:
    """A Django project with one app, ``shop``, on the kind of database and with the buffer that is being tested.

    Args:
        models: what stands in its ``models.py``.
        migrate: whether to make its tables.
        more: further settings, as ``NAME = value``.
    """

    def __init__(self, models: str, *, migrate: bool = True, more: str = "") -> None:
        if connection.vendor == "mysql":
            raise SkipTest("a site of its own is on SQLite here, as it is in the tests of SQLite")
        self.folder = Path(tempfile.mkdtemp(prefix="site-"))
        self.schema = f"site_{uuid.uuid4().hex[:8]}"
        self._make_schema()
        self.write("shop/migrations/__init__.py", "")
        self.write("shop/__init__.py", "")
        self.write("site_settings.py", SETTINGS + self._servers() + more)
        self.deploy(models)
        if migrate:
            self.manage("makemigrations", "shop", "-v0")
            self.manage("migrate", "-v0")

    def _make_schema(self) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE SCHEMA {self.schema}")

    def _servers(self) -> str:
        database = {name: connection.settings_dict[name] for name in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST")}
        database |= {"PORT": connection.settings_dict["PORT"], "OPTIONS": {}}
        if connection.vendor == "postgresql":
            database["OPTIONS"] = {"options": f"-c search_path={self.schema}"}
        else:
            database |= {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.folder / "db.sqlite3")}
            database["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 30}
        buffer = json.loads(json.dumps(settings.NOTIFICATIONS_COUNTER["BUFFERS"]["default"]))
        if "OPTIONS" in buffer:
            buffer["OPTIONS"]["PREFIX"] = self.schema
        counter = {"BUFFERS": {"default": buffer, "rows": settings.IN_DATABASE}}
        return f"DATABASES = {{'default': {database!r}}}\nNOTIFICATIONS_COUNTER = {counter!r}\n"

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))

    def deploy(self, models: str) -> None:
        """Let all processes that begin from now on have these models."""
        self.write("shop/models.py", MODELS + textwrap.dedent(models))

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.folder), str(ROOT)])
        more = {"PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "site_settings", "PYTHONDONTWRITEBYTECODE": "1"}
        return {**os.environ, **more}

    def manage(self, *arguments: str, status: int = 0) -> str:
        """Run a command of ``manage.py``; what it said, and what it wrote into the log, together."""
        done = self._run([sys.executable, "-m", "django", *arguments])
        said = f"{done.stdout}{done.stderr}{self.log()}"
        assert done.returncode == status, said
        return said

    def log(self) -> str:
        """What was logged since this was asked last."""
        path = self.folder / "site.log"
        said = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        return said

    def run(self, code: str) -> Any:
        """Run code in a process of its own; what its last line, an expression, comes to."""
        return self.finish(self.start(code))

    def start(self, code: str) -> subprocess.Popen[str]:
        """Start such a process; its standard input can be written to."""
        *before, last = textwrap.dedent(code).strip().split("\n")
        program = "\n".join([HEAD, *before, f"print(json.dumps({last}))"])
        return subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> Any:
        """Let a process end that waits for a line; what its last line comes to."""
        out, err = process.communicate("\n", timeout=120)
        assert process.returncode == 0, f"{out}\n{err}"
        return json.loads(out.strip().split("\n")[-1])

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120
        )

    def close(self) -> None:
        """Remove the folder, and what the site has in the database."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"DROP SCHEMA {self.schema} CASCADE")
