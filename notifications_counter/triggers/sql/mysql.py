"""MariaDB and MySQL: triggers for each row.

``TRUNCATE`` and the cascades of foreign keys tell no trigger what they delete. A check names the cascades.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from . import keys
from .base import Installed, Part, TriggerDialect
from .counted import Counted
from .names import LIKE
from .rows import NEW, OLD, changes

_TRIGGERS = (
    "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS"
    " WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE %s"
)
_CASCADES = (
    "SELECT CONSTRAINT_NAME, REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS"
    " WHERE CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME = %s"
    " AND (DELETE_RULE IN ('CASCADE', 'SET NULL') OR UPDATE_RULE IN ('CASCADE', 'SET NULL'))"
)


class MySQLTriggers(TriggerDialect):
    """Triggers of MariaDB and MySQL."""

    def _parts(self, counted: Counted, stem: str) -> list[Part]:
        return [self._part(counted, f"{stem}_{event[:3].lower()}", event) for event in ("INSERT", "UPDATE", "DELETE")]

    def _part(self, counted: Counted, name: str, event: str) -> Part:
        quote = counted.quote
        # To the byte, whatever the collation says: keys are.
        columns = zip(counted.columns_of(OLD), counted.columns_of(NEW), strict=True)
        same = " AND ".join(f"CAST({old} AS BINARY) = CAST({new} AS BINARY)" for old, new in columns)
        inserts = " ".join(
            f"IF {condition} THEN INSERT INTO {quote(counted.delta_table)} ({counted.delta_columns})"
            f" VALUES ({counted.label}, {counted.text_of(row, self._text)}, {amount}, {counted.declaration});"
            " END IF;"
            for condition, row, amount in changes(counted, event, same)
        )
        head = f"CREATE TRIGGER {quote(name)} AFTER {event} ON {quote(counted.table)} FOR EACH ROW"
        return Part(name, f"{head} BEGIN {inserts} END")

    def _installed(self) -> list[Installed]:
        found = self._rows(_TRIGGERS, [LIKE])
        return [Installed(name, self.connection.ops.quote_name(table)) for name, table in found]

    def cascades(self, table: str) -> list[tuple[str, str]]:
        return [(name, referred) for name, referred in self._rows(_CASCADES, [table])]

    def _text(self, key: models.Field[Any, Any], column: str) -> str:
        if keys.is_hexadecimal(key, self.connection):
            return keys.dashed(column, self.connection)
        # Text needs no cast, which would pass through the character set of whoever ran migrate.
        return column if keys.kind(key) == "text" else f"CAST({column} AS CHAR)"
