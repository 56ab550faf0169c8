"""Settings of the example site: only for this example, on the machine that runs it.

The environment says where the database and Redis are. `manage.py demo` sets it for the processes that it starts;
without it there is an SQLite file beside this one, and no Redis.
"""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "notifications_counter",
    "inbox",
]

# The database buffer is the default and needs no setting at all; this is for the Redis buffer.
REDIS_URL = os.environ.get("DEMO_REDIS_URL")
if REDIS_URL:
    NOTIFICATIONS_COUNTER = {
        "BUFFERS": {
            "default": {
                "BACKEND": "notifications_counter.buffers.redis.RedisBuffer",
                "OPTIONS": {"URL": REDIS_URL, "PREFIX": os.environ.get("DEMO_REDIS_PREFIX", "nc-demo")},
            }
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

DEBUG = True  # for runserver to serve the style sheets; without ALLOWED_HOSTS it answers this machine alone
SECRET_KEY = "no secret: only for this example"
ROOT_URLCONF = "site_urls"
STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "inbox"
LOGOUT_REDIRECT_URL = "start"
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # Not a line for every page and style sheet.
    "loggers": {"django.server": {"level": "WARNING"}},
}
