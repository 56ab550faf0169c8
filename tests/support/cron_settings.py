"""The tests' settings, with django-crontab."""

import os
from pathlib import Path

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_crontab"]
MANAGE = Path(os.environ.get("NC_MANAGE", "manage.py"))
CRONJOBS = [("* * * * *", "notifications_counter.cron.update_counter", f">> {MANAGE.with_name('log')} 2>&1")]
CRONTAB_DJANGO_MANAGE_PATH = str(MANAGE)
CRONTAB_COMMENT = str(MANAGE)
