"""Live values: streams of server-sent events that show what a user's browser shows, without a connection each.

A ``Channel`` says whose values there are and reads them; ``Live`` is put around the site's ASGI application.
"""

from .asgi import Live
from .channel import Channel, Value, live_view

__all__ = ["Channel", "Live", "Value", "live_view"]
