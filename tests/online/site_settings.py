"""Settings of a site that shows who is online, and is served by a process of its own."""

from tests.support.live_settings import *  # noqa: F403

ROOT_URLCONF = "tests.online.site_urls"
MIDDLEWARE = [*globals()["MIDDLEWARE"], "notifications_counter.contrib.online.OnlineMiddleware"]
