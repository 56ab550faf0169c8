"""The applications of the site with live badges, as ASGI and WSGI servers import them."""

import os
import signal
import threading

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler, StaticFilesHandler
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from notifications_counter.inbox.asgi import live


def end_with_tests(file: int) -> None:
    """End all processes of this server when nobody holds the other end of a pipe any more."""
    try:
        is_over = not os.read(file, 1)
    except OSError:  # a process of the server's to which it was not passed on
        return
    if is_over:
        os.killpg(os.getpgrp(), signal.SIGKILL)


threading.Thread(target=end_with_tests, args=[int(os.environ["NC_ALIVE"])], daemon=True).start()

application = live(ASGIStaticFilesHandler(get_asgi_application()))
wsgi = StaticFilesHandler(get_wsgi_application())
