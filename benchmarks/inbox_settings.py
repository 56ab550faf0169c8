"""Settings of the measurements of the inbox."""

from .settings import *  # noqa: F403
from .settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "notifications_counter.inbox"]
