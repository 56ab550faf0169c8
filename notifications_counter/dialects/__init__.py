"""What differs from database to database: one module each. The SQL of triggers is in ``triggers.sql``."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from .base import CountTable, Dialect, KeyColumn, Place, Sums, TextColumn
from .mysql import MySQL
from .postgresql import PostgreSQL
from .sqlite import SQLite

__all__ = ["CountTable", "Dialect", "KeyColumn", "Place", "Sums", "TextColumn", "dialect_of"]

DIALECTS: dict[str, Dialect] = {"mysql": MySQL(), "postgresql": PostgreSQL(), "sqlite": SQLite()}

#: For any other database: what standard SQL can say.
STANDARD = Dialect()


def dialect_of(connection: BaseDatabaseWrapper) -> Dialect:
    """The dialect of a connection's database."""
    return DIALECTS.get(connection.vendor, STANDARD)
