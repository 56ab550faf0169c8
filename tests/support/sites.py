"""Sites on the disk, each a project of its own: for what takes several databases, settings and processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from .base import ROOT

REDIS = "notifications_counter.buffers.redis.RedisBuffer"

#: What each script of a site finds.
HEAD = """
import django, json
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from notifications_counter.models import Notification, UserNotificationsCount
from shop.models import *
counter = UserNotificationsCount.counter
def notify(user, number=1):
    for place in range(number):
        Notification.objects.create(user_id=user, text="text")
def migrate():
    call_command("migrate", verbosity=0, run_syncdb=True)
def flush():
    call_command("notification_update_counter", verbosity=0)
def compared(keys=(1, 2)):
    return {key: [counter.value(key), Notification.objects.filter(user_id=key, has_read=False).count()] for key in keys}
def wrong(keys=(1, 2)):
    return {key: pair for key, pair in compared(keys).items() if pair[0] != pair[1]}
"""

MODELS = """
from django.db import models
from notifications_counter.counters import Counter

class Click(models.Model):
    url = models.CharField(max_length=100, primary_key=True)
    clicks = models.BigIntegerField(default=0)
    counter = Counter()
"""

MANAGE = """
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


class Site:
    """A project in a folder of its own.

    Args:
        databases: alias -> its entry in ``DATABASES``.
        redis: the URL of the Redis buffer; none for the database buffer.
        extra: more settings, as Python.
        options: more options of the Redis buffer.
    """

    def __init__(self, databases: Mapping[str, Any], redis: str = "", extra: str = "", **options: Any) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="site-"))
        self.databases = databases
        self.write("shop/__init__.py", "")
        self.write("shop/models.py", MODELS)
        self.write(
            "manage.py",
            "from django.core.management import execute_from_command_line as run\nimport sys\nrun(sys.argv)",
        )
        self.configure(redis, extra, **options)

    def configure(self, redis: str = "", extra: str = "", **options: Any) -> None:
        """Other settings from the next process on."""
        buffer = {"BACKEND": REDIS, "OPTIONS": {"URL": redis, **options}} if redis else settings.IN_DATABASE
        text = f"""
        import os
        SECRET_KEY = "only for tests"
        USE_TZ = True
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        DATABASES = {dict(self.databases)!r}
        INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "notifications_counter", "shop"]
        PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        NOTIFICATIONS_COUNTER = {{"AUDIT_INTERVAL": None, "BUFFERS": {{"default": {buffer!r}}}}}
        """
        if connection.vendor == "mysql":
            text += "\n        import pymysql; pymysql.install_as_MySQLdb()\n"
        self.write("site_settings.py", textwrap.dedent(text) + textwrap.dedent(extra))

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NC_")}
        environment |= {"PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}", "DJANGO_SETTINGS_MODULE": "site_settings"}
        done = subprocess.run(
            [sys.executable, *command], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def manage(self, *command: str, fails: bool = False) -> str:
        """What a command said that must succeed, or fail."""
        done = self.run("manage.py", *command)
        said = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, f"{command} ended with {done.returncode}: {said}"
        return said

    def shell(self, code: str) -> Any:
        """What a process printed as JSON; what it logs is ``logged``."""
        done = self.run("-c", HEAD + textwrap.dedent(code))
        assert done.returncode == 0, done.stderr
        self.logged = done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def migrate(self, *options: str) -> str:
        return self.manage("migrate", "-v0", "--run-syncdb", *options)

    def flush(self) -> str:
        return self.manage("notification_update_counter")

    def wrong(self) -> Any:
        """The values that are not COUNT(*)."""
        return self.shell("print(json.dumps(wrong()))")

    def end(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def site(databases: Mapping[str, Any], redis: str = "", extra: str = "", **options: Any) -> Iterator[Site]:
    made = Site(databases, redis, extra, **options)
    try:
        yield made
    finally:
        made.end()


@contextmanager
def new_database() -> Iterator[dict[str, Any]]:
    """The entry in ``DATABASES`` of an empty database on the server of this run, or of a file."""
    name = f"nc_site_{uuid.uuid4().hex[:10]}"
    if connection.vendor == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield sqlite(f"{folder}/db.sqlite3")
        return
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        yield entry(name)
    finally:
        drop(name)


def sqlite(path: str) -> dict[str, Any]:
    options = {"transaction_mode": "IMMEDIATE", "timeout": 30}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": options}


def entry(name: str, **options: Any) -> dict[str, Any]:
    """The same of a database on the server of this run."""
    known = connection.settings_dict
    names = ("ENGINE", "USER", "PASSWORD", "HOST", "PORT")
    return {**{each: known[each] for each in names}, "NAME": name, "OPTIONS": {**known["OPTIONS"], **options}}


def drop(name: str) -> None:
    force = " WITH (FORCE)" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}{force}")
