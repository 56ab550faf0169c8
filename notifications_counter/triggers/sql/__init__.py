"""The triggers of a counter, in the SQL of each database."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from .base import Dialect, Installed, Part
from .mysql import MySQL
from .postgresql import PostgreSQL
from .sqlite import SQLite

__all__ = ["DIALECTS", "Dialect", "Installed", "Part", "dialect"]

DIALECTS: dict[str, type[Dialect]] = {"postgresql": PostgreSQL, "mysql": MySQL, "sqlite": SQLite}


def dialect(connection: BaseDatabaseWrapper) -> Dialect | None:
    """The SQL of a connection; None where there are no triggers for its database."""
    found = DIALECTS.get(connection.vendor)
    return found(connection) if found else None
