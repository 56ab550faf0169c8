"""The database's side of a counter on one alias: stored counts, pending deltas, and progress beside them.

One statement sees all of it, so that no flush can come between the parts.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..declaration.counter import CounterDeclaration
from ..declaration.rows import actual_counts_query, source_rows
from ..dialects import dialect_of
from ..exceptions import BufferMismatch, InvalidKey, NothingToRecount
from . import deltas, progress
from .progress import Layout
from .snapshot import ShardProgress, Snapshot
from .tables import Delta, Progress

#: From how many rows on the database sums them, which takes it longer to begin with.
MOST_ROWS = 500


class CounterStore:
    """The count model's rows of one counter on one database alias.

    Attributes:
        label: the counter's label.
        using: the database alias.
        events: whether the counter has no source, so that nothing can be counted again.

    Args:
        counter: the counter.
        using: the database alias.
        new_layout: tells where deltas of a new counter may be pending besides the database.
    """

    def __init__(self, counter: CounterDeclaration, using: str, new_layout: Callable[[], Layout]) -> None:
        self.counter = counter
        self._new_layout = new_layout
        self.label = counter.label
        self.using = using
        self.events = counter.declared_source is None

    def __repr__(self) -> str:
        return f"<CounterStore {self.label} on {self.using}>"

    @cached_property
    def digest(self) -> str:
        """A short name of the counter on this alias: what names it in full is long."""
        digest = hashlib.sha1(f"{self.label}@{self.using}".encode(), usedforsecurity=False).digest()
        return base64.b32encode(digest)[:8].decode().lower()

    @property
    def connection(self) -> BaseDatabaseWrapper:
        return connections[self.using]

    def snapshot(self, keys: Sequence[str], count: bool = False) -> Snapshot:
        """What is stored and pending of keys, and the progress of all shards, at one moment.

        Args:
            keys: at most ``BATCH`` keys.
            count: whether to count the source's rows of these keys too.
        """
        snapshot = self._read(keys, count)
        if 0 not in snapshot.shards:  # never migrated here, or emptied by a test
            self.ensure_progress(shards=1)
            snapshot = self._read(keys, count)
        return snapshot

    def sum_if_simple(self, key: str) -> int | None:
        """The sum of what is stored and pending of a key, by the smallest statement that tells.

        None where it takes a ``snapshot``: deltas may be pending elsewhere too, the counter is not backfilled, a
        recount of the key was requested, or many deltas are pending.
        """
        with self.connection.cursor() as cursor:
            cursor.execute(self._simple, [self.to_pk(key), self.label, self.label, key])
            rows = cursor.fetchall()
        amounts = [amount for is_amount, amount in rows if is_amount]
        is_simple = len(amounts) < len(rows) < MOST_ROWS and None not in amounts
        return sum(amounts) if is_simple else None

    @cached_property
    def _simple(self) -> str:
        quote = self.connection.ops.quote_name
        model, counter = self.counter.model._meta, quote("counter")
        return (
            f"SELECT 1, {self._stored_units} FROM {quote(model.db_table)}"
            f" WHERE {quote(model.pk.column or '')} = %s"
            f" UNION ALL SELECT 0, 0 FROM {quote(Progress._meta.db_table)} WHERE {counter} = %s"
            f" AND {quote('shard')} = 0 AND {quote('backfilled')} AND {quote('prefix')} = ''"
            f" UNION ALL SELECT 1, {quote('amount')} FROM {quote(Delta._meta.db_table)}"
            f" WHERE {counter} = %s AND {quote('key')} = %s LIMIT {MOST_ROWS}"
        )

    @property
    def _stored_units(self) -> str:
        column = self.connection.ops.quote_name(self.counter.field.column or "")
        return self.counter.amounts.stored_units(column, dialect_of(self.connection))

    def ensure_progress(self, shards: int) -> None:
        """Create the progress rows that are missing. A source without a row counts as backfilled."""
        layout, backfilled = self._new_layout(), not self.has_rows()
        progress.ensure(self.using, self.label, shards, backfilled=backfilled, **asdict(layout))

    def _read(self, keys: Sequence[str], count: bool) -> Snapshot:
        snapshot = Snapshot()
        statement, parameters = self._statement(len(keys)), self._parameters(keys)
        if count:
            counting, more = self._counting(keys)
            statement, parameters = f"{statement} UNION ALL {counting}", [*parameters, *more]
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            for part, pk, text, *numbers in cursor.fetchall():
                self._put(snapshot, int(part), pk, text, numbers)
        return snapshot

    def _put(self, snapshot: Snapshot, part: int, pk: Any, text: str, numbers: list[Any]) -> None:
        if part == 0:
            snapshot.stored[self.to_text(pk)] = int(numbers[0])
        elif part == 1:
            snapshot.pending[text] = int(numbers[0] or 0)
            if numbers[1]:
                snapshot.recount_requests.add(text)
        elif part == 3:
            snapshot.actual[self.counter.key_text(text)] = int(numbers[0])
        else:
            shard, batch, position, size, backfilled, shards = map(int, numbers)
            snapshot.shards[shard] = ShardProgress(batch, position, size, bool(backfilled), text, shards)

    def _statement(self, keys: int) -> str:
        if not keys:
            return self._progress
        places = ", ".join(["%s"] * keys)
        return self._for_keys.replace("PLACES", places)

    def _parameters(self, keys: Sequence[str]) -> list[Any]:
        if not keys:
            return [self.label]
        return [*(self.to_pk(key) for key in keys), self.label, *keys, self.label]

    @cached_property
    def _progress(self) -> str:
        quote = self.connection.ops.quote_name
        columns = ", ".join(
            f"CASE WHEN {quote(name)} THEN 1 ELSE 0 END" if name == "backfilled" else quote(name)
            for name in ("shard", "batch", "position", "size", "backfilled", "shards")
        )
        table, counter = quote(Progress._meta.db_table), quote("counter")
        return f"SELECT 2, NULL, {quote('prefix')}, {columns} FROM {table} WHERE {counter} = %s"

    @cached_property
    def _for_keys(self) -> str:
        quote = self.connection.ops.quote_name
        model = self.counter.model._meta
        pk, amount, key = quote(model.pk.column or ""), self._stored_units, quote("key")
        delta = quote("amount")
        return (
            f"SELECT 0, {pk}, NULL, {amount}, 0, 0, 0, 0, 0"
            f" FROM {quote(model.db_table)} WHERE {pk} IN (PLACES)"
            f" UNION ALL SELECT 1, NULL, {key}, SUM({delta}), COUNT(*) - COUNT({delta}), 0, 0, 0, 0"
            f" FROM {quote(Delta._meta.db_table)} WHERE {quote('counter')} = %s AND {key} IN (PLACES) GROUP BY {key}"
            f" UNION ALL {self._progress}"
        )

    def _counting(self, keys: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
        rows = actual_counts_query(self.counter, keys, self.using)
        sql, parameters = rows.query.get_compiler(self.using).as_sql()
        text = dialect_of(self.connection).as_text("t.nc_key")
        return f"SELECT 3, NULL, {text}, t.nc_number, 0, 0, 0, 0, 0 FROM ({sql}) t", tuple(parameters)

    def to_pk(self, key: str) -> Any:
        """A key as this database takes it.

        Raises:
            InvalidKey: it takes no such key, as MariaDB takes no 0 where keys are counted up.
        """
        field = self.counter.key_field
        try:
            return field.get_db_prep_value(field.to_python(key), self.connection)
        except ValueError as error:
            raise InvalidKey(
                f"{self.label}: {key!r} cannot be a key on the database {self.using!r}: {error}"
            ) from error

    def to_text(self, pk: Any) -> str:
        """A primary key as this database gives it, as text."""
        field = self.counter.key_field
        expression = field.cached_col
        converters = self.connection.ops.get_db_converters(expression) + field.get_db_converters(self.connection)
        for convert in converters:
            pk = convert(pk, expression, self.connection)
        return self.counter.key_text(pk)

    def insert_deltas(self, sums: Mapping[str, int | None]) -> None:
        """Leave pending deltas in the database, in the open transaction; None requests a recount of its key."""
        deltas.insert(self.connection, self.label, sums)

    def refuse_events(self) -> None:
        """Refuse to recount what has no rows.

        Raises:
            NothingToRecount: the counter has no source.
        """
        if self.events:
            raise NothingToRecount(f"{self.label} counts events: there are no rows that could be counted again.")

    def has_rows(self) -> bool:
        """Whether the source has rows to be counted; false for a counter of events."""
        return not self.events and source_rows(self.counter, self.using).exists()

    def actual_counts(self, keys: Sequence[str]) -> dict[str, int]:
        """The counts of keys, in units, by counting the source's rows."""
        numbers = actual_counts_query(self.counter, keys, self.using)
        found = {self.counter.key_text(key): int(number) for key, number in numbers}
        return {key: found.get(key, 0) for key in keys}

    def keys_to_count(self, snapshot: Snapshot, keys: Sequence[str]) -> list[str]:
        """The keys whose values only their rows can tell: all before the backfill, then those to be recounted."""
        if self.events:
            return []
        return [key for key in keys if key in snapshot.recount_requests] if snapshot.backfilled else list(keys)

    def set_layout(self, layout: Layout) -> None:
        """Note where deltas may be pending besides the database; no prefix: nowhere.

        No run of a server is known there yet, so that none that went before can be missed.
        """
        progress.update(self.using, self.label, {**asdict(layout), "run_id": ""})

    def check_layout(self, known: ShardProgress | Progress, layout: Layout) -> None:
        """Refuse to work beside deltas that are pending under another prefix or number of shards.

        Raises:
            BufferMismatch: there may be some, as far as the progress row of the first shard knows.
        """
        if known.prefix and Layout(known.prefix, known.shards) != layout:
            now = f"PREFIX {layout.prefix!r} and SHARDS {layout.shards}" if layout.prefix else "the database buffer"
            raise BufferMismatch(
                f"{self.label}: deltas may be pending in Redis with PREFIX {known.prefix!r} and SHARDS {known.shards},"
                f" but the settings say {now}. Set them back, with DATABASE_ONLY, run:"
                " manage.py notification_update_counter --drain, and change them then."
            )
