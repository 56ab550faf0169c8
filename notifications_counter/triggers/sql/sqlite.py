"""SQLite: triggers for each row.

``REPLACE`` deletes rows without telling a trigger, unless ``PRAGMA recursive_triggers`` is on: a check says so.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from . import keys
from .base import Installed, Part, TriggerDialect
from .counted import Counted
from .names import LIKE
from .rows import NEW, OLD, changes


class SQLiteTriggers(TriggerDialect):
    """Triggers of SQLite."""

    def _parts(self, counted: Counted, stem: str) -> list[Part]:
        return [self._part(counted, f"{stem}_{event[:3].lower()}", event) for event in ("INSERT", "UPDATE", "DELETE")]

    def _part(self, counted: Counted, name: str, event: str) -> Part:
        quote = counted.quote
        columns = zip(counted.columns_of(OLD), counted.columns_of(NEW), strict=True)
        same = " AND ".join(f"{old} IS {new} COLLATE BINARY" for old, new in columns)
        inserts = " ".join(
            f"INSERT INTO {quote(counted.delta_table)} ({counted.delta_columns})"
            f" SELECT {counted.label}, {counted.text_of(row, self._text)}, {amount}, {counted.declaration}"
            f" WHERE {condition};"
            for condition, row, amount in changes(counted, event, same)
        )
        head = f"CREATE TRIGGER {quote(name)} AFTER {event} ON {quote(counted.table)} FOR EACH ROW"
        return Part(name, f"{head} BEGIN {inserts} END")

    def _installed(self) -> list[Installed]:
        found = self._rows("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [LIKE])
        return [Installed(name, self.connection.ops.quote_name(table)) for name, table in found]

    def hides_replaced(self) -> bool:
        return not self._rows("PRAGMA recursive_triggers")[0][0]

    def _text(self, key: models.Field[Any, Any], column: str) -> str:
        if keys.is_hexadecimal(key, self.connection):
            return keys.dashed(column, self.connection)
        return f"CAST({column} AS TEXT)"
