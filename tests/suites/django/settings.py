"""Settings of a run of Django's suite, which puts its own apps, templates and middleware into them."""

from __future__ import annotations

import os

from django.apps.registry import Apps

from ..databases import database
from ..names import settings as counter_settings

DATABASES = {"default": database(), "other": database("_other")}
SECRET_KEY = "django_tests_secret_key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
TEST_RUNNER = "tests.suites.runner.Runner"
NOTIFICATIONS_COUNTER = counter_settings()

set_installed_apps = Apps.set_installed_apps


def with_counters(self: Apps, installed: list[str]) -> None:
    """Called by the suite's runtests.py when it has added the apps that are to be tested: ours come after them."""
    Apps.set_installed_apps = set_installed_apps  # type: ignore[method-assign]
    installed += ["notifications_counter", "tests.suites.counts"]
    set_installed_apps(self, installed)


if os.environ.get("NC_SUITES_CAPTURE"):
    Apps.set_installed_apps = with_counters  # type: ignore[method-assign]
