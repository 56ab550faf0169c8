"""The applications of the site with live badges, as ASGI and WSGI servers import them."""

import os
import signal
import threading
from contextlib import suppress

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler, StaticFilesHandler
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from notifications_counter.inbox.asgi import live


def end_with_tests(file: int, inode: int) -> None:
    """End all processes of this server when nobody holds the other end of a pipe any more."""
    with suppress(OSError):  # servers do not pass it on to all of their processes
        if os.fstat(file).st_ino == inode and not os.read(file, 1):
            os.killpg(os.getpgrp(), signal.SIGKILL)


threading.Thread(target=end_with_tests, args=map(int, os.environ["NC_ALIVE"].split()), daemon=True).start()

application = live(ASGIStaticFilesHandler(get_asgi_application()))
wsgi = StaticFilesHandler(get_wsgi_application())
