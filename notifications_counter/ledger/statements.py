"""The SQL that reads the database's side of a counter: stored counts, pending deltas and progress, in one statement.

Each row begins with the number of its part: 0 for a stored count, 1 for what is pending of a key, 2 for the progress of
a shard, 3 for the number of a source's rows. The columns of the key follow, a text, and seven numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..declaration.counter import CounterDeclaration
from ..declaration.key_text import AFTER_SEPARATOR, SEPARATOR, joined_sql, unescape
from ..declaration.rows import actual_counts_query
from ..dialects import dialect_of
from .spelling import Spelling
from .tables import Delta, Progress

#: From how many rows on the database sums them, which takes it longer to begin with.
MOST_ROWS = 500

#: A statement and its parameters.
Sql = tuple[str, list[Any]]


class Statements:
    """The statements of one counter on one database alias.

    Where they take a spelling, keys may be equal that are written differently; None where no two are.

    Args:
        counter: the counter.
        using: the database alias.
        declaration: the digest of what the counter declares; None where nothing could be counted again.
    """

    def __init__(self, counter: CounterDeclaration, using: str, declaration: str | None) -> None:
        self.counter = counter
        self.using = using
        self.declaration = declaration

    @property
    def connection(self) -> BaseDatabaseWrapper:
        return connections[self.using]

    def of_keys(self, keys: Sequence[str], spelling: Spelling | None = None) -> Sql:
        """What is stored and pending of keys, and the progress; of no keys the progress alone."""
        label = self.counter.label
        if not keys:
            return self._progress, [label]
        key, places = self._quote("key"), ", ".join(["%s"] * len(keys))
        stored = f"{self.columns[0]} IN ({places})"
        if len(self.columns) > 1:
            stored = f"({' OR '.join([f'({self._is_key})'] * len(keys))})"
        pending = spelling.is_one_of(key, len(keys)) if spelling else f"{key} IN ({places})"
        columns = [value for each in keys for value in self.to_columns(each)]
        return self._statement(stored, pending), [*columns, label, *(spelling.texts(keys) if spelling else keys), label]

    def of_group(self, group: str, spelling: Spelling | None = None) -> Sql:
        """What is stored and pending of all keys of a group, and the progress."""
        text, label, key = unescape(group), self.counter.label, self._quote("key")
        first = self.counter.keys.parts[0].to_column(text, self.connection)
        if spelling:
            pending, bounds = spelling.is_of_group(key), [text]
        else:  # indexes are used all the same: the column is compared so
            key += dialect_of(self.connection).bytewise
            pending, bounds = f"{key} >= %s AND {key} < %s", [group + SEPARATOR, group + AFTER_SEPARATOR]
        return self._statement(f"{self.columns[0]} = %s", pending), [first, label, *bounds, label]

    def counting(self, keys: Sequence[str]) -> Sql:
        """How many of the source's rows there are of keys, to be added to a statement of these keys."""
        rows = actual_counts_query(self.counter, keys, self.using)
        sql, parameters = rows.query.get_compiler(self.using).as_sql()
        dialect = dialect_of(self.connection)
        texts = [dialect.text(f"t.nc_key{place}") + dialect.bytewise for place in range(len(self.columns))]
        text = joined_sql(texts, dialect) + dialect.bytewise  # as keys are compared
        return f"SELECT 3, {self._no_columns}, {text}, t.nc_number, 0, 0, 0, 0, 0, 0 FROM ({sql}) t", [*parameters]

    def of_simple_key(self, key: str) -> Sql:
        """Rows of two columns: 0 and 0 if the counter is simple, and 1 and each amount that is stored or pending.

        A simple counter is backfilled, by this declaration, and its deltas are pending in the database alone. There are
        at most ``MOST_ROWS`` rows.
        """
        return self._simple, [*self.to_columns(key), self.counter.label, self.counter.label, key]

    @cached_property
    def _simple(self) -> str:
        quote, counter = self._quote, self._quote("counter")
        return (
            f"SELECT 1, {self._stored_units} FROM {quote(self.counter.model._meta.db_table)} WHERE {self._is_key}"
            f" UNION ALL SELECT 0, 0 FROM {quote(Progress._meta.db_table)} WHERE {counter} = %s"
            f" AND {quote('shard')} = 0 AND {quote('backfilled')} AND {self._agrees} AND {quote('prefix')} = ''"
            f" UNION ALL SELECT 1, {self._amount} FROM {quote(Delta._meta.db_table)}"
            f" WHERE {counter} = %s AND {quote('key')} = %s LIMIT {MOST_ROWS}"
        )

    def to_columns(self, key: str) -> list[Any]:
        """The values of the columns of a key."""
        return self.counter.keys.to_columns(key, self.connection)

    @cached_property
    def columns(self) -> list[str]:
        """The columns of the count model's primary key, quoted."""
        return [self._quote(part.column.column or "") for part in self.counter.keys.parts]

    def _statement(self, stored: str, pending: str) -> str:
        of_stored, of_pending, end = self._parts
        return f"{of_stored} WHERE {stored} UNION ALL {of_pending} {pending} {end} UNION ALL {self._progress}"

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        quote, columns = self._quote, ", ".join(self.columns)
        key, delta = quote("key"), self._amount
        return (
            f"SELECT 0, {columns}, NULL, {self._stored_units}, 0, 0, 0, 0, 0, 0"
            f" FROM {quote(self.counter.model._meta.db_table)}",
            f"SELECT 1, {self._no_columns}, {key}, SUM({delta}), COUNT(*) - COUNT({delta}), 0, 0, 0, 0, 0"
            f" FROM {quote(Delta._meta.db_table)} WHERE {quote('counter')} = %s AND",
            f"GROUP BY {key}",
        )

    @cached_property
    def _progress(self) -> str:
        quote = self._quote
        columns = ", ".join(
            f"CASE WHEN {quote(name)} THEN 1 ELSE 0 END" if name == "backfilled" else quote(name)
            for name in ("shard", "batch", "position", "size", "backfilled", "shards")
        )
        columns += f", CASE WHEN {self._agrees} THEN 1 ELSE 0 END"
        table, counter = quote(Progress._meta.db_table), quote("counter")
        return f"SELECT 2, {self._no_columns}, {quote('prefix')}, {columns} FROM {table} WHERE {counter} = %s"

    @cached_property
    def _agrees(self) -> str:
        """The condition that a row was counted by this declaration, as far as is known."""
        column = self._quote("declaration")
        return "1 = 1" if self.declaration is None else f"({column} IS NULL OR {column} = '{self.declaration}')"

    @cached_property
    def _amount(self) -> str:
        """The amount of a pending delta; NULL for one that requests a recount, as one of another declaration does."""
        return f"CASE WHEN {self._agrees} THEN {self._quote('amount')} END"

    @cached_property
    def _stored_units(self) -> str:
        column = self._quote(self.counter.field.column or "")
        return self.counter.amounts.stored_units(column, dialect_of(self.connection))

    @cached_property
    def _is_key(self) -> str:
        return " AND ".join(f"{column} = %s" for column in self.columns)

    @cached_property
    def _no_columns(self) -> str:
        return ", ".join("NULL" for _ in self.columns)

    def _quote(self, name: str) -> str:
        return self.connection.ops.quote_name(name)
