"""The live badge in a site's ``asgi.py``: ``application = live(get_asgi_application())``."""

from __future__ import annotations

from ..live.asgi import Application, Live


def live(application: Application) -> Live:
    """The site's application with streams at ``live/`` below the address of the inbox.

    Args:
        application: what ``get_asgi_application()`` returns, or any other ASGI application around it.
    """
    return Live(application)
