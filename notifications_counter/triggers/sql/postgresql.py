"""PostgreSQL: triggers for each statement, which see all rows that it changed as two tables.

One function for each counter. However many rows a statement changes, it leaves one delta for each key.

An update that names none of the counter's columns is examined as well, at the cost of one pass over its rows: nothing
that PostgreSQL tells a trigger about a statement's columns is certain. ``UPDATE OF columns`` sees no column that
another trigger changes, and of several updates in one statement, ``WITH a AS (UPDATE ...) UPDATE ...``, only the first.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db import models

from ...ledger.tables import Delta
from . import keys
from .base import Installed, Part, TriggerDialect
from .counted import Counted
from .names import LIKE

OLD, NEW = "nc_old", "nc_new"
NOT_ZERO = " WHERE s.a <> 0"

_SCHEMA = (
    "SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.oid = to_regclass(%s)"
)
_INSTALLED = (
    "SELECT t.tgname, n.nspname, c.relname, t.tgenabled IN ('O', 'A') FROM pg_catalog.pg_trigger t"
    " JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid JOIN pg_catalog.pg_namespace m ON m.oid = p.pronamespace"
    " WHERE t.tgname LIKE %s AND t.tgparentid = 0 AND m.nspname = %s"
)
_FUNCTIONS = (
    "SELECT p.proname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace m ON m.oid = p.pronamespace"
    " WHERE p.proname LIKE %s AND m.nspname = %s"
)
_FUNCTION = """\
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS {tag}
BEGIN
  IF TG_OP = 'INSERT' THEN
{insert}
  ELSIF TG_OP = 'DELETE' THEN
{delete}
  ELSIF TG_OP = 'TRUNCATE' THEN
{truncate}
  ELSE
{update}
  END IF;
  RETURN NULL;
END {tag}"""


class PostgreSQLTriggers(TriggerDialect):
    """Triggers of PostgreSQL."""

    def _parts(self, counted: Counted, stem: str) -> list[Part]:
        function = f"{stem}_fun"
        triggers = [
            self._trigger(counted, f"{stem}_{event[:3].lower()}", when, function)
            for event, when in self._events(counted)
        ]
        return [Part(function, self._function(counted, function)), *triggers]

    def _events(self, counted: Counted) -> list[tuple[str, str]]:
        table = self._qualified(counted.table)
        old, new = f"OLD TABLE AS {OLD}", f"NEW TABLE AS {NEW}"
        return [
            ("INSERT", f"AFTER INSERT ON {table} REFERENCING {new}"),
            ("UPDATE", f"AFTER UPDATE ON {table} REFERENCING {old} {new}"),
            ("DELETE", f"AFTER DELETE ON {table} REFERENCING {old}"),
            # Before, while the rows can still be counted.
            ("TRUNCATE", f"BEFORE TRUNCATE ON {table}"),
        ]

    def _trigger(self, counted: Counted, name: str, when: str, function: str) -> Part:
        function = f"{counted.quote(self._schema)}.{counted.quote(function)}"
        sql = f"CREATE TRIGGER {counted.quote(name)} {when} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        return Part(name, sql)

    def _function(self, counted: Counted, name: str) -> str:
        source = self._qualified(counted.table)
        texts = {
            "insert": self._insert(counted, _sums(counted, NEW, 1, NEW)),
            "delete": self._insert(counted, _sums(counted, OLD, -1, OLD)),
            "truncate": self._insert(counted, _sums(counted, source, -1, OLD)),
            "update": self._insert(counted, _differences(counted)),
        }
        return _FUNCTION.format(
            name=f"{counted.quote(self._schema)}.{counted.quote(name)}", tag=_tag("".join(texts.values())), **texts
        )

    def _insert(self, counted: Counted, sums: str) -> str:
        return (
            f"    INSERT INTO {self._qualified(counted.delta_table)} ({counted.delta_columns})"
            f" SELECT {counted.label}, s.k::text, s.a, {counted.declaration} FROM ({sums}) s"
            f"{'' if counted.amount is None else NOT_ZERO};"
        )

    def _installed(self) -> list[Installed]:
        quote = self.connection.ops.quote_name
        triggers = [
            Installed(name, f"{quote(schema)}.{quote(table)}", works)
            for name, schema, table, works in self._rows(_INSTALLED, [LIKE, self._schema])
        ]
        return triggers + [Installed(name) for (name,) in self._rows(_FUNCTIONS, [LIKE, self._schema])]

    def drop(self, one: Installed) -> str:
        name = self.connection.ops.quote_name(one.name)
        if one.table:
            return f"DROP TRIGGER IF EXISTS {name} ON {one.table}"
        return f"DROP FUNCTION IF EXISTS {self.connection.ops.quote_name(self._schema)}.{name}()"

    @cached_property
    def _schema(self) -> str:
        """Where the table of deltas is, and so the functions."""
        return self._schema_of(Delta._meta.db_table)

    def _schema_of(self, table: str) -> str:
        return str(self._rows(_SCHEMA, [self.connection.ops.quote_name(table)])[0][0])

    def _qualified(self, table: str) -> str:
        """A table by its full name: who writes to the source may have another search path."""
        quote = self.connection.ops.quote_name
        return f"{quote(self._schema_of(table))}.{quote(table)}"


def _sums(counted: Counted, rows: str, sign: int, alias: str) -> str:
    """How many rows count, or what they come to, by key."""
    amount = "count(*)" if counted.amount is None else f"sum({counted.units_of(alias)})"
    amount = amount if sign > 0 else f"-{amount}"
    select = f"SELECT {_key(counted, alias)} AS k, {amount} AS a FROM {rows} {alias}"
    return f"{select} WHERE {counted.counts(alias)} GROUP BY 1"


def _differences(counted: Counted) -> str:
    before, after = _sums(counted, OLD, -1, OLD), _sums(counted, NEW, 1, NEW)
    return f"SELECT d.k, sum(d.a)::bigint AS a FROM ({before} UNION ALL {after}) d GROUP BY d.k HAVING sum(d.a) <> 0"


def _key(counted: Counted, alias: str) -> str:
    # To the byte: a collation may call different keys equal.
    if len(counted.keys) > 1:
        return f'({counted.text_of(alias, _text)}) COLLATE "C"'
    (key,), (column,) = counted.keys, counted.columns_of(alias)
    return f'{column}::text COLLATE "C"' if keys.kind(key) == "text" else column


def _text(key: models.Field[Any, Any], column: str) -> str:
    return f"{column}::text"


def _tag(body: str) -> str:
    """Dollar quotes that do not occur in a text."""
    number = 0
    while f"$nc{number}$" in body:
        number += 1
    return f"$nc{number}$"
