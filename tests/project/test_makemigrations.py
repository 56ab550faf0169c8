"""A counter changes nothing about its source, so that makemigrations has nothing to say of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from django.test import SimpleTestCase

from tests.support.base import ROOT

SETTINGS = """
SECRET_KEY = "only for tests"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "notifications_counter", "people"]
AUTH_USER_MODEL = "people.User"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""

MODELS = """
from django.contrib.auth.models import AbstractUser, Permission
from django.db import models
from django.db.models import Q
from notifications_counter import Counter


class Tenant(models.Model):
    name = models.CharField(max_length=20)


class User(AbstractUser):
    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True)


class OpenQuerySet(models.QuerySet):
    def open(self):
        return self.filter(closed=False)


class Manager(models.Manager.from_queryset(OpenQuerySet)):
    use_in_migrations = True

    def __init__(self, name="all"):
        super().__init__()
        self.name = name


class Ticket(models.Model):
    tenant = models.ForeignKey(Tenant, models.CASCADE)
    closed = models.BooleanField(default=False)
    objects = Manager("first")
    others = Manager()


class Counts(models.Model):
    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True, db_constraint=False, related_name="+")
    users = models.BigIntegerField(default=0)
    tickets = models.BigIntegerField(default=0)
    of_users = Counter(User, "tenant", Q(is_active=True), "users")
    of_tickets = Counter(Ticket, "tenant", Q(closed=False), "tickets")


class Permissions(models.Model):
    id = models.BigIntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Permission, "content_type", field="number")
"""


#: As projects have it in their tests, to save time.
WITHOUT_MIGRATIONS = """
INSTALLED_APPS = [*INSTALLED_APPS[:3], "notifications_counter.inbox"]
AUTH_USER_MODEL = "auth.User"
MIGRATION_MODULES = {"auth": None, "contenttypes": None}
"""


class MakemigrationsTest(SimpleTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.directory / "site_settings.py").write_text(SETTINGS)

    def test_a_source_whose_managers_are_in_migrations_gets_one_migration(self) -> None:
        (self.directory / "people").mkdir()
        (self.directory / "people" / "__init__.py").touch()
        (self.directory / "people" / "models.py").write_text(MODELS)
        first = self.manage("makemigrations", "people")
        self.assertEqual(first.returncode, 0, first.stderr)
        again = self.manage("makemigrations", "--check", "--dry-run")
        self.assertEqual((again.returncode, again.stdout), (0, "No changes detected\n"), again.stderr)
        migrated = self.manage("migrate", "--verbosity", "0")
        self.assertEqual(migrated.returncode, 0, migrated.stderr)

    def test_a_project_can_migrate_that_makes_the_tables_of_django_s_apps_without_migrations(self) -> None:
        (self.directory / "site_settings.py").write_text(SETTINGS + WITHOUT_MIGRATIONS)
        migrated = self.manage("migrate", "--run-syncdb", "--verbosity", "0")
        self.assertEqual(migrated.returncode, 0, migrated.stderr)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(self.directory), str(ROOT)])
        environment = {**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "site_settings"}
        command = [sys.executable, "-m", "django", *arguments]
        return subprocess.run(command, env=environment, cwd=self.directory, capture_output=True, text=True)
