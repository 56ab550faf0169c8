"""The database itself as a sink: the default, which needs no other server."""

from .sink import DatabaseSink

__all__ = ["DatabaseSink"]
