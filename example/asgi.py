"""The example's application: live badges, style sheets and scripts, and the site."""

import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from notifications_counter.inbox.asgi import live

os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"

application = live(ASGIStaticFilesHandler(get_asgi_application()))
