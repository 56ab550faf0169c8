"""The settings of a package's own suite (``NC_SUITES_SETTINGS``), with another database and runner, and our apps."""

from __future__ import annotations

import os
from importlib import import_module

from ..databases import database
from ..names import settings as counter_settings

globals().update(vars(import_module(os.environ["NC_SUITES_SETTINGS"])))

DATABASES = {"default": database()}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TEST_RUNNER = "tests.suites.runner.Runner"
NOTIFICATIONS_COUNTER = counter_settings()

if os.environ.get("NC_SUITES_CAPTURE"):
    INSTALLED_APPS = [*globals()["INSTALLED_APPS"], "notifications_counter", "tests.suites.counts"]
