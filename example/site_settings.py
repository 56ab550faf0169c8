"""Settings of the example site: only for this example, on the machine that runs it.

The environment says where the database and Redis are. `manage.py demo` sets it for the processes that it starts;
without it there is an SQLite file beside this one, and no Redis.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

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
    "notifications_counter.contrib.search",
    "notifications_counter.contrib.streams",
    "products",
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

# Another database than that file: postgresql://user:password@host:port/name
if url := os.environ.get("DEMO_DATABASE_URL"):
    database = urlsplit(url)
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database.path.lstrip("/"),
        "USER": unquote(database.username or ""),
        "PASSWORD": unquote(database.password or ""),
        "HOST": database.hostname or "",
        "PORT": database.port or "",
    }

# What all processes of the site cache.
if directory := os.environ.get("DEMO_CACHE"):
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": directory}}

PRODUCTS = {
    # Who may add products by a program.
    "API_KEYS": os.environ.get("DEMO_API_KEYS", "").split(),
    # From where pictures may be fetched, and which of these may be in a private network.
    "IMAGE_HOSTS": ["upload.wikimedia.org", "images.unsplash.com", *os.environ.get("DEMO_IMAGE_HOSTS", "").split()],
    "PRIVATE_IMAGE_HOSTS": os.environ.get("DEMO_IMAGE_HOSTS", "").split(),
}
# By whom the shop's tasks are done: see products/running.py.
PRODUCTS["QUEUES"] = [os.environ.get("DEMO_QUEUE", "products"), os.environ.get("DEMO_QUEUE", "products") + "_slow"]
CELERY_BROKER_URL = os.environ.get("DEMO_BROKER") or None
if backend := os.environ.get("DEMO_TASKS"):
    TASKS = {"default": {"BACKEND": backend, "QUEUES": ["default", *PRODUCTS["QUEUES"]]}}

# Where the shop's search index is: in the database without it.
if engine := os.environ.get("DEMO_SEARCH"):
    NOTIFICATIONS_COUNTER["SEARCH"] = {
        "SINK": engine,
        "URL": os.environ["DEMO_SEARCH_URL"],
        "PREFIX": os.environ.get("DEMO_SEARCH_PREFIX", "nc-demo"),
    }

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "products.middleware.CsrfUnlessApiKey",
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
