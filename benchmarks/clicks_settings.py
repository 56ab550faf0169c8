"""The settings of the measurements, with clicks on links."""

from .settings import *  # noqa: F403
from .settings import INSTALLED_APPS

INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app != "benchmarks"), "notifications_counter.contrib.clicks"]
ROOT_URLCONF = "benchmarks.clicks_urls"
