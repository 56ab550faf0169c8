"""Settings of the tests of the apps that are built on the counters: all of them are installed."""

import json
import os

from .settings import *  # noqa: F403
from .settings import INSTALLED_APPS, NOTIFICATIONS_COUNTER, SILENCED_SYSTEM_CHECKS

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "notifications_counter.inbox",
    "notifications_counter.contrib.clicks",
    "notifications_counter.contrib.online",
    "notifications_counter.contrib.search",
    "notifications_counter.contrib.streams",
    "tests.search",
    "tests.streams",
]
ROOT_URLCONF = "tests.apps_urls"
LOGIN_URL = "/login/"
# For processes that a test starts.
NOTIFICATIONS_COUNTER["STREAMS"] = json.loads(os.environ.get("NC_STREAMS", "{}"))
NOTIFICATIONS_COUNTER["SEARCH"] = json.loads(os.environ.get("NC_SEARCH", "{}"))
# A processor whose topic only some tests make.
# W003: words of tests.shop are meant to be written in several ways.
SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "notifications_counter.W120", "notifications_counter.W003"]
