"""Settings of a site that other processes serve while tests look at it."""

import json
import os

from tests.apps_settings import *  # noqa: F403

ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DEBUG = False
ROOT_URLCONF = "tests.support.live_urls"
SESSION_ENGINE = os.environ.get("NC_SESSION_ENGINE", "django.contrib.sessions.backends.db")
MIDDLEWARE = ["tests.support.strict_policy.StrictPolicy", *globals()["MIDDLEWARE"]]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
INBOX = {"LIVE_SESSION_INTERVAL": 2, **json.loads(os.environ.get("NC_INBOX", "{}"))}
NOTIFICATIONS_COUNTER = {**globals()["NOTIFICATIONS_COUNTER"], "INBOX": INBOX}
