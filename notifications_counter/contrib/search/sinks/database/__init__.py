"""Documents in the database of their rows, written in the transaction that changes those: no server is needed."""

from .sink import DatabaseSink

__all__ = ["DatabaseSink"]
