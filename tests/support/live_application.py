"""The applications of the site with live badges, as ASGI and WSGI servers import them."""

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler, StaticFilesHandler
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from notifications_counter.inbox.asgi import live

application = live(ASGIStaticFilesHandler(get_asgi_application()))
wsgi = StaticFilesHandler(get_wsgi_application())
