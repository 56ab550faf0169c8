"""Each check is reached by ``manage.py check`` in a project, with settings that it is about."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import django
from django.db import connection
from django.test import SimpleTestCase, tag

from tests.support.base import ROOT, CounterTestCase, child_environment, notify, uses_redis
from tests.support.servers import free_port, valkey

REDIS = "notifications_counter.buffers.redis.RedisBuffer"
DJANGO_REDIS = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1/0"}
WHOLE_SITE = ("--deploy", "--database=default")

#: Of words in tests.shop that are meant to be written in several ways.
LOOSE = {"W003"}


def buffer(alias: str = "default", **options: object) -> str:
    return f"NOTIFICATIONS_COUNTER['BUFFERS'][{alias!r}] = {{'BACKEND': {REDIS!r}, 'OPTIONS': {options!r}}}"


#: What settings say besides, and the ids that are said then.
BY_SETTINGS = {
    "NOTIFICATIONS_COUNTER = {'BUFERS': {}}": {"E001"},
    "NOTIFICATIONS_COUNTER = {'AUDIT_INTERVAL': 'daily'}": {"E001"},
    "NOTIFICATIONS_COUNTER['BUFFERS']['default'] = {'BACKEND': 'nowhere.Buffer'}": {"E002"},
    buffer(URL="redis://127.0.0.1", SHARD=2): {"E002"},
    f"import sys; sys.modules['redis'] = None; {buffer(URL='redis://127.0.0.1')}": {"E003"},
    "DATABASE_ROUTERS = ['tests.checks.routers.ElsewhereRouter']": {"E009"},
    buffer(CACHE="nowhere"): {"E012"},
    buffer(CACHE="default"): {"E013"},
    buffer(URL="http://127.0.0.1"): {"E014"},
    buffer(CLIENT="tests.nothing.client"): {"E014"},
    f"CACHES = {{'default': {DJANGO_REDIS!r}}}; {buffer(CACHE='default')}": {"W001", "W002"},
    buffer(CLIENT="tests.checks.clients.few", THREADS=5): {"W026"},
    buffer("rows", URL="redis://127.0.0.1"): {"E017"},
    "NOTIFICATION_COUNTER = {}": {"W063"},
}


def said(line: str, *arguments: str) -> set[str]:
    """The ids that are said of the tests' settings with one more line."""
    with tempfile.TemporaryDirectory() as directory:
        lines = ["from tests.settings import *", "SILENCED_SYSTEM_CHECKS = []", line]
        (Path(directory) / "more_settings.py").write_text("\n".join(lines))
        path = os.pathsep.join([directory, str(ROOT)])
        environment = child_environment(PYTHONPATH=path, DJANGO_SETTINGS_MODULE="more_settings")
        command = [sys.executable, "-m", "django", "check", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return set(re.findall(r"\(notifications_counter\.([EW]\d+)\)", done.stderr))


@unittest.skipUnless(connection.vendor == "sqlite" and not uses_redis(), "settings are the same with all of them")
@tag("long")
class SettingsTest(SimpleTestCase):
    databases = {"default", "other"}

    def test_what_settings_do_wrong_is_said(self) -> None:
        for line, ids in BY_SETTINGS.items():
            with self.subTest(line):
                self.assertLessEqual(ids, said(line))

    def test_nothing_is_said_of_right_ones(self) -> None:
        self.assertEqual(said(""), LOOSE)

    def test_a_django_that_was_never_tested_is_said(self) -> None:
        version = (99, *django.VERSION[1:])
        self.assertEqual(said(f"import django; django.VERSION = {version}"), {"W025", *LOOSE})


@tag("long")
class SiteTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)

    def test_what_a_site_does_wrong_is_said(self) -> None:
        notify(self.user)
        found = said("", *WHOLE_SITE)
        self.assertIn("W023", found)
        self.assertEqual("W017" in found, connection.vendor == "sqlite")

    def test_what_a_server_does_wrong_is_said(self) -> None:
        with valkey(maxmemory_policy="allkeys-lru") as url:
            self.assertLessEqual({"W020", "W021"}, said(buffer(URL=url), *WHOLE_SITE))
        self.assertIn("W024", said(buffer(URL=f"redis://127.0.0.1:{free_port()}/0"), *WHOLE_SITE))

    @unittest.skipUnless(connection.vendor == "postgresql", "its settings say how long a statement may take")
    def test_a_grace_time_that_is_too_short_is_said(self) -> None:
        limited = "DATABASES['default']['OPTIONS'] = {'options': '-c statement_timeout=90500'}"
        with valkey() as url:
            self.assertIn("W022", said(f"{limited}; {buffer(URL=url)}", *WHOLE_SITE))

    def test_triggers_that_no_counter_asks_for_are_said(self) -> None:
        none = "INSTALLED_APPS = [app for app in INSTALLED_APPS if app != 'tests.testapp']"
        self.assertIn("W015", said(none, "--database=default"))
