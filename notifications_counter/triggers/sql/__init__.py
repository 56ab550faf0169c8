"""The triggers of a counter, in the SQL of each database."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from .base import Installed, Part, TriggerDialect
from .mysql import MySQLTriggers
from .postgresql import PostgreSQLTriggers
from .sqlite import SQLiteTriggers

__all__ = ["TRIGGER_DIALECTS", "Installed", "Part", "TriggerDialect", "trigger_dialect"]

TRIGGER_DIALECTS: dict[str, type[TriggerDialect]] = {
    "mysql": MySQLTriggers,
    "postgresql": PostgreSQLTriggers,
    "sqlite": SQLiteTriggers,
}


def trigger_dialect(connection: BaseDatabaseWrapper) -> TriggerDialect | None:
    """What makes the triggers of a connection's database; None where there are none."""
    found = TRIGGER_DIALECTS.get(connection.vendor)
    return found(connection) if found else None
