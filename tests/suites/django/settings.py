"""Settings of a run of Django's suite, which puts its own apps, templates and middleware into them."""

from __future__ import annotations

import os
from typing import Any

import dj_database_url
from django.apps.registry import Apps

from ..names import settings as counter_settings


def database(suffix: str) -> dict[str, Any]:
    url = os.environ.get("NC_DATABASE_URL")
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3"}
    config: dict[str, Any] = {**dj_database_url.parse(url)}
    config["NAME"] += suffix
    return config


DATABASES = {"default": database("_suite"), "other": database("_suite_other")}
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
