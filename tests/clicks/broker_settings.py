"""Settings in which clicks go through a broker, for processes that tests start."""

import os

from tests.apps_settings import *  # noqa: F403
from tests.apps_settings import NOTIFICATIONS_COUNTER

NOTIFICATIONS_COUNTER = {
    **NOTIFICATIONS_COUNTER,
    "CLICKS": {
        "BROKER": os.environ["NC_BROKER"],
        "QUEUE": os.environ["NC_CLICKS_QUEUE"],
        "TIMEOUT": float(os.environ.get("NC_CLICKS_TIMEOUT", "1")),
    },
}
