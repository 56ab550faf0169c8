"""The site with live badges of the tests, with a view beside it that streams the same by Django's own means."""

from tests.support.live_settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.streams_urls"
# A busy server looks at sessions as one does that nobody has configured.
NOTIFICATIONS_COUNTER = {**globals()["NOTIFICATIONS_COUNTER"], "INBOX": {}}
