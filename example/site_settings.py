"""Settings of the example site: only for this example, on the machine that runs it.

The environment says where the database and Redis are. `manage.py demo` sets it for the processes that it starts;
without it there is an SQLite file beside this one, and no Redis.
"""

import os
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "demo",  # before the package, whose base template for the inbox it replaces by its own
    "notifications_counter",
    "notifications_counter.inbox",
    "notifications_counter.contrib.clicks",
    "notifications_counter.contrib.online",
    "notifications_counter.contrib.streams",
    "stream_demo",
]

NOTIFICATIONS_COUNTER: dict[str, Any] = {
    "INBOX": {
        # SQLite tells nobody of a change: badges look for it so often.
        "LIVE_INTERVAL": 0.2,
        "KINDS": {
            "comment": {"label": "Comments"},
            "mention": {"label": "Mentions"},
            "like": {"label": "Likes"},
            "calendar": {"label": "Calendar", "icon": "event"},
            "parcel": {"label": "Parcels", "icon": "order"},
            "security": {"label": "Security"},
        },
    },
    # So quickly the partitions of a processor move that was killed.
    "STREAMS": {"SESSION_TIMEOUT": float(os.environ.get("DEMO_SESSION_TIMEOUT", "10"))},
}

KAFKA = os.environ.get("DEMO_KAFKA")
if KAFKA:
    NOTIFICATIONS_COUNTER["STREAMS"]["LOGS"] = {
        "default": {
            "BACKEND": "notifications_counter.contrib.streams.logs.kafka.KafkaLog",
            "OPTIONS": {"SERVERS": KAFKA},
        }
    }

# The database buffer is the default and needs no setting at all; this is for the Redis buffer.
REDIS_URL = os.environ.get("DEMO_REDIS_URL")
if REDIS_URL:
    NOTIFICATIONS_COUNTER["BUFFERS"] = {
        "default": {
            "BACKEND": "notifications_counter.buffers.redis.RedisBuffer",
            "OPTIONS": {"URL": REDIS_URL, "PREFIX": os.environ.get("DEMO_REDIS_PREFIX", "nc-demo")},
        }
    }

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DEMO_DATABASE", BASE_DIR / "demo.sqlite3"),
        # IMMEDIATE, because in SQLite a transaction that begins to read and then writes does not wait for the lock.
        "OPTIONS": {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }
}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "notifications_counter.contrib.online.OnlineMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

DEBUG = False  # so that what the page "Cost" measures is what a site would have
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
SECRET_KEY = "no secret: only for this example"
ROOT_URLCONF = os.environ.get("DEMO_URLCONF", "site_urls")
if "DEMO_URLCONF" in os.environ:  # of stream_demo, whose site has no links to count
    SILENCED_SYSTEM_CHECKS = ["notifications_counter.W100"]
STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "start"
LOGOUT_REDIRECT_URL = "start"
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    # What went wrong, and not a line for every page that is not there.
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django.request": {"level": "ERROR"}},
}
