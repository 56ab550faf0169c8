"""Those of the tests, with an app whose counters are declared wrongly, beside one that is right."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import IN_DATABASE, INSTALLED_APPS, NOTIFICATIONS_COUNTER

INSTALLED_APPS = [*INSTALLED_APPS, "tests.wrong_declarations"]
SWAPPABLE_NOTE_MODEL = "wrong_declarations.OtherNote"
if os.environ.get("NC_WITH_ALL_BUFFERS"):  # a program that writes fails without a buffer, and should
    NOTIFICATIONS_COUNTER["BUFFERS"]["fast"] = IN_DATABASE
