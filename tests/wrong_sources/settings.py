"""Those of the tests, with an app whose counters read the tables of parents."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.wrong_sources"]
