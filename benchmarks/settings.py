"""Settings of the measurements: both buffers in one process, on one database and one Valkey."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS, REDIS_URL

# The counters of the tests count the same notifications once more, and those of a peer.
INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app != "tests.testapp"), "benchmarks"]
if os.environ.get("NC_INBOX"):  # what is measured of it sets this
    INSTALLED_APPS += ["notifications_counter.inbox"]
DATABASES = {"default": DATABASES["default"]}
# In a database of its own on the same server: a cache is emptied as a whole.
CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"{REDIS_URL.removesuffix('/0')}/1"}}
ROOT_URLCONF = "benchmarks.urls"
DEBUG = False
ALLOWED_HOSTS = ["testserver"]
# So that a peer's cache always has what it is asked for.
DJANGO_NOTIFICATIONS_CONFIG = {"CACHE_TIMEOUT": 3600}
