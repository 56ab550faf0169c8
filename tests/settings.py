"""Settings of the tests. The environment chooses the database and the buffer: one process tests one pair of them."""

import json
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import dj_database_url

# Here, because what warns while it is imported does so before the test runner begins.
warnings.filterwarnings("default", category=ResourceWarning)
warnings.filterwarnings("error", module=r"(notifications_counter|tests)(\.|$)")
warnings.filterwarnings("error", message="DateTimeField .* received a naive datetime", category=RuntimeWarning)

DIRECTORY = Path(os.environ.get("NC_TEST_DIR") or Path(tempfile.gettempdir()) / f"notifications_counter-{os.getuid()}")
DIRECTORY.mkdir(parents=True, exist_ok=True)
DATABASE_URL = os.environ.get("NC_DATABASE_URL") or f"sqlite:///{DIRECTORY}/database.sqlite3"
REDIS_URL = os.environ.get("NC_REDIS_URL") or "redis://127.0.0.1:6379/1"
#: Of several processes that run tests at the same time, each has databases of its own.
WORKER = os.environ.get("NC_WORKER", "")


def database(suffix: str, name_variable: str) -> dict[str, Any]:
    """One alias on the server of NC_DATABASE_URL; a child process of a test is told the test database's name."""
    config: dict[str, Any] = {**dj_database_url.parse(DATABASE_URL), "OPTIONS": {}, "TEST": {}}
    path = Path(config["NAME"])
    suffix += f"_{WORKER}" * bool(WORKER)
    config["NAME"] = str(path.with_stem(path.stem + suffix))
    if config["ENGINE"].endswith("sqlite3"):
        # A file, because other processes must see it; IMMEDIATE, because a transaction that turns from reading to
        # writing does not wait for its lock.
        config["OPTIONS"] = {"timeout": 30, "transaction_mode": "IMMEDIATE"}
        config["TEST"] = {"NAME": str(DIRECTORY / f"test{suffix}.sqlite3")}
    elif config["ENGINE"].endswith("mysql"):
        config["OPTIONS"] = {"charset": "utf8mb4"}
        config["TEST"] = {"CHARSET": "utf8mb4"}
    config["NAME"] = os.environ.get(name_variable) or config["NAME"]
    return config


DATABASES = {
    "default": database("", "NC_TEST_DATABASE_NAME"),
    "other": database("_other", "NC_TEST_OTHER_NAME"),
}
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    import pymysql

    pymysql.install_as_MySQLdb()

# What tests/support/redis_clients.py connects to.
REDIS_CLUSTER = REDIS_SENTINELS = json.loads(os.environ.get("NC_REDIS_NODES", "[]"))

IN_DATABASE: dict[str, Any] = {"BACKEND": "notifications_counter.buffers.database.DatabaseBuffer"}
# Triggers write into the database, whichever buffer the others have.
# Without the audit, which would correct what the tests are to find.
NOTIFICATIONS_COUNTER: dict[str, Any] = {
    "BUFFERS": {"default": IN_DATABASE, "rows": IN_DATABASE},
    "AUDIT_INTERVAL": None,
}
if os.environ.get("NC_BUFFER") == "redis":
    NOTIFICATIONS_COUNTER["BUFFERS"]["default"] = {
        "BACKEND": "notifications_counter.buffers.redis.RedisBuffer",
        "OPTIONS": {"URL": REDIS_URL, **json.loads(os.environ.get("NC_REDIS_OPTIONS", "{}"))},
    }

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "notifications",  # somebody else's: django-notifications-community
    "notifications_counter",
    "tests.testapp",
    "tests.shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
SECRET_KEY = "only for tests"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = True
TEST_RUNNER = "tests.support.runner.Runner"
# SQLite's REPLACE and triggers: said to those who use both, and no test does without saying so.
SILENCED_SYSTEM_CHECKS = ["notifications_counter.W017"]
