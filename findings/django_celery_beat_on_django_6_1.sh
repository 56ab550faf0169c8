#!/bin/bash
# The django-celery-beat that pip chooses for Django 6.1 does not start: each release since 2.2 excludes a Django that is
# newer than itself, 2.9.0 included, so that pip goes back to one which has no such limit, and which needs pytz.
#
# Seen with Django 6.1.3, celery 5.7.0 and django-celery-beat 2.1.0, which pip chooses (Python 3.13):
#
#   AttributeError: 'zoneinfo.ZoneInfo' object has no attribute 'localize'
#
# Usage: django_celery_beat_on_django_6_1.sh [PYTHON]   (Python 3.12 or newer; needs an index of Python packages)
# Ends with 0 if it still behaves so, with 1 if that has changed.
set -euo pipefail
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

"$python" -m venv venv
venv/bin/pip install -q "Django==6.1.3" "celery==5.7.0" "django-celery-beat<=2.9.0"
cat >site_settings.py <<'PYTHON'
SECRET_KEY = "only for this"
INSTALLED_APPS = ["django.contrib.contenttypes", "django_celery_beat"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
USE_TZ = True
PYTHON
cat >site_celery.py <<'PYTHON'
from celery import Celery

app = Celery("site", broker="memory://")
app.config_from_object("django.conf:settings", namespace="CELERY")
PYTHON

export DJANGO_SETTINGS_MODULE=site_settings PYTHONPATH=.
venv/bin/pip list 2>/dev/null | grep -iE '^(django|celery|django-celery-beat) '
venv/bin/python -m django migrate -v0
scheduler=django_celery_beat.schedulers:DatabaseScheduler
timeout 20 venv/bin/python -m celery -A site_celery beat --scheduler $scheduler >beat.log 2>&1 || true
tail -1 beat.log
grep -q "has no attribute 'localize'" beat.log || {
    echo "This has changed."
    exit 1
}
