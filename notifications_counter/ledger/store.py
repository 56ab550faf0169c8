"""The database's side of a counter on one alias: stored counts, pending deltas, and progress beside them.

One statement sees all of it, so that no flush can come between the parts.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from ..declaration.counter import CounterDeclaration
from ..declaration.digest import digest_of
from ..declaration.key_text import AFTER_SEPARATOR, SEPARATOR, joined_sql, unescape
from ..declaration.rows import actual_counts_of_group, actual_counts_query, source_rows
from ..dialects import dialect_of
from ..dialects.comparison import is_known
from ..exceptions import BufferMismatch, NothingToRecount, RecountFailed, UnknownDatabase
from . import deltas, identity, progress
from .progress import Layout
from .snapshot import ShardProgress, Snapshot, in_parts
from .spelling import Spelling, joined
from .tables import Delta, Progress

logger = logging.getLogger("notifications_counter")

#: From how many rows on the database sums them, which takes it longer to begin with.
MOST_ROWS = 500


class CounterStore:
    """The count model's rows of one counter on one database alias.

    Attributes:
        label: the counter's label.
        using: the database alias.
        events: whether the counter has no source, so that nothing can be counted again.
        has_groups: whether its keys are composite.

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
        #: Whether the counts were seen to mean what this process declares, so that what is cached may be read.
        self.is_agreed = self.events
        self._has_logged = False

    def __repr__(self) -> str:
        return f"<CounterStore {self.label} on {self.using}>"

    @property
    def database_id(self) -> str | None:
        """Who the database is; None where it is a copy that no flush has noticed yet, or was never migrated."""
        return identity.of_alias(self.using)

    @property
    def digest(self) -> str:
        """A short name of the counter on this database: what names it in full is long.

        Raises:
            UnknownDatabase: the database is a copy that no flush has noticed yet, or was never migrated.
        """
        return self.digest_on(self.database_id)

    def digest_on(self, database_id: str | None) -> str:
        """The same for a database whose id is known."""
        if database_id is None:
            raise UnknownDatabase(
                f"{self.label}: the database {self.using!r} is a copy of another one that no flush has noticed yet, or"
                " was never migrated. Nothing is read from Redis; the next manage.py notification_update_counter"
                " notices."
            )
        digest = hashlib.sha1(f"{self.label}@{database_id}".encode(), usedforsecurity=False).digest()
        return base64.b32encode(digest)[:8].decode().lower()

    @cached_property
    def declaration(self) -> str | None:
        """The digest of what the counter declares; None where nothing could be counted again."""
        return digest_of(self.counter)

    @cached_property
    def has_groups(self) -> bool:
        return self.counter.keys.is_composite

    @property
    def connection(self) -> BaseDatabaseWrapper:
        return connections[self.using]

    @property
    def spelling(self) -> Spelling:
        """How the table of the counts compares keys."""
        return Spelling(self.counter, self.connection)

    @property
    def is_loose(self) -> bool:
        """Whether the database calls keys equal that are written differently."""
        return self.counter.keys.may_be_loose and self.spelling.is_loose

    @property
    def knows_spelling(self) -> bool:
        """Whether ``is_loose`` is known without a question to the database."""
        return not self.counter.keys.may_be_loose or is_known(self.using, self.counter.model._meta.db_table)

    def snapshot(self, keys: Sequence[str], count: bool = False) -> Snapshot:
        """What is stored and pending of keys, and the progress of all shards, at one moment.

        Args:
            keys: at most ``BATCH`` keys.
            count: whether to count the source's rows of these keys too.
        """
        snapshot = self._of_keys(keys, count)
        if 0 not in snapshot.shards:  # never migrated here, or emptied by a test
            self.ensure_progress(shards=1)
            snapshot = self._of_keys(keys, count)
        return snapshot

    def sum_if_simple(self, key: str) -> int | None:
        """The sum of what is stored and pending of a key, by the smallest statement that tells.

        None where it takes a ``snapshot``: deltas may be pending elsewhere too, the counter is not backfilled, a
        recount of the key was requested, many deltas are pending, or keys may be written differently.
        """
        if self.is_loose:
            return None
        with self.connection.cursor() as cursor:
            cursor.execute(self._simple, [*self._to_columns(key), self.label, self.label, key])
            rows = cursor.fetchall()
        amounts = [amount for is_amount, amount in rows if is_amount]
        is_simple = len(amounts) < len(rows) < MOST_ROWS and None not in amounts
        return sum(amounts) if is_simple else None

    @cached_property
    def _simple(self) -> str:
        quote = self.connection.ops.quote_name
        model, counter = self.counter.model._meta, quote("counter")
        return (
            f"SELECT 1, {self._stored_units} FROM {quote(model.db_table)} WHERE {self._is_key}"
            f" UNION ALL SELECT 0, 0 FROM {quote(Progress._meta.db_table)} WHERE {counter} = %s"
            f" AND {quote('shard')} = 0 AND {quote('backfilled')} AND {self._agrees} AND {quote('prefix')} = ''"
            f" UNION ALL SELECT 1, {self._amount} FROM {quote(Delta._meta.db_table)}"
            f" WHERE {counter} = %s AND {quote('key')} = %s LIMIT {MOST_ROWS}"
        )

    @cached_property
    def _agrees(self) -> str:
        """The condition that a row was counted by this declaration, as far as is known."""
        column = self.connection.ops.quote_name("declaration")
        return "1 = 1" if self.declaration is None else f"({column} IS NULL OR {column} = '{self.declaration}')"

    @cached_property
    def _amount(self) -> str:
        """The amount of a pending delta; NULL for one that requests a recount, as one of another declaration does."""
        return f"CASE WHEN {self._agrees} THEN {self.connection.ops.quote_name('amount')} END"

    @property
    def _stored_units(self) -> str:
        column = self.connection.ops.quote_name(self.counter.field.column or "")
        return self.counter.amounts.stored_units(column, dialect_of(self.connection))

    @cached_property
    def _columns(self) -> list[str]:
        """The columns of the count model's primary key."""
        return [self.connection.ops.quote_name(part.column.column or "") for part in self.counter.keys.parts]

    @cached_property
    def _is_key(self) -> str:
        return " AND ".join(f"{column} = %s" for column in self._columns)

    def ensure_progress(self, shards: int) -> None:
        """Create the progress rows that are missing. A source without a row counts as backfilled."""
        layout, backfilled = self._new_layout(), not self.has_rows()
        values = {"backfilled": backfilled, "declaration": self.declaration, **asdict(layout)}
        progress.ensure(self.using, self.label, shards, **values)

    def _of_keys(self, keys: Sequence[str], count: bool) -> Snapshot:
        if not keys:
            return self._read(self._progress, [self.label])
        statement, parameters = self._for_keys(len(keys)), [value for key in keys for value in self._to_columns(key)]
        texts = self.spelling.texts(keys) if self.is_loose else keys
        parameters += [self.label, *texts, self.label]
        if count:
            counting, more = self._counting(keys)
            statement, parameters = f"{statement} UNION ALL {counting}", [*parameters, *more]
        snapshot = self._read(statement, parameters)
        return self._joined(snapshot, keys) if self.is_loose else snapshot

    def statement(self, key: str) -> tuple[str, list[Any]]:
        """SQL for what is stored and pending of a key, or of a group where keys are composite, and the progress."""
        if self.has_groups:
            return self._for_group(), self._group_parameters(key)
        texts = self.spelling.texts([key]) if self.is_loose else [key]
        return self._for_keys(1), [*self._to_columns(key), self.label, *texts, self.label]

    def _joined(self, snapshot: Snapshot, asked: Sequence[str] = ()) -> Snapshot:
        """A snapshot of keys that may be written differently, by those that were asked, or are stored."""
        texts = list(dict.fromkeys([*asked, *snapshot.stored, *snapshot.pending, *snapshot.actual]))
        classes = dict.fromkeys(texts, asked[0]) if len(asked) == 1 else self.spelling.classes(texts)
        return joined(snapshot, classes, asked)

    def _read(self, statement: str, parameters: Sequence[Any]) -> Snapshot:
        snapshot, width = Snapshot(), len(self._columns)
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            for part, *rest in cursor.fetchall():
                columns, text, numbers = rest[:width], rest[width], rest[width + 1 :]
                if part == 0:
                    text = self.counter.keys.from_columns(columns, self.connection)
                self.put(snapshot, int(part), text, numbers)
        return snapshot

    def put(self, snapshot: Snapshot, part: int, text: str, numbers: Sequence[Any]) -> None:
        """Take a row of a statement of this counter into a snapshot.

        Args:
            snapshot: what it is put into.
            part: of which part of the statement it is.
            text: the key, or the prefix of the progress.
            numbers: the further columns.
        """
        if part == 0:
            snapshot.stored[text] = int(numbers[0] or 0)
        elif part == 1:
            snapshot.pending[text] = int(numbers[0] or 0)
            if numbers[1]:
                snapshot.recount_requests.add(text)
        elif part == 3:
            snapshot.actual[self.counter.keys.checked(text)] = int(numbers[0])
        else:
            shard, batch, position, size, backfilled, shards, agrees = map(int, numbers)
            is_backfilled = bool(backfilled and agrees)
            snapshot.shards[shard] = ShardProgress(batch, position, size, is_backfilled, text, shards, bool(agrees))
            self.is_agreed = self.is_agreed or is_backfilled

    @cached_property
    def _no_columns(self) -> str:
        return ", ".join("NULL" for _ in self._columns)

    @cached_property
    def _progress(self) -> str:
        quote = self.connection.ops.quote_name
        columns = ", ".join(
            f"CASE WHEN {quote(name)} THEN 1 ELSE 0 END" if name == "backfilled" else quote(name)
            for name in ("shard", "batch", "position", "size", "backfilled", "shards")
        )
        columns += f", CASE WHEN {self._agrees} THEN 1 ELSE 0 END"
        table, counter = quote(Progress._meta.db_table), quote("counter")
        return f"SELECT 2, {self._no_columns}, {quote('prefix')}, {columns} FROM {table} WHERE {counter} = %s"

    def _for_keys(self, number: int) -> str:
        places = ", ".join(["%s"] * number)
        if len(self._columns) == 1:
            stored = f"{self._columns[0]} IN ({places})"
        else:
            stored = f"({' OR '.join([f'({self._is_key})'] * number)})"
        key = self.connection.ops.quote_name("key")
        return self._statement(
            stored, self.spelling.is_one_of(key, number) if self.is_loose else f"{key} IN ({places})"
        )

    def _statement(self, stored: str, pending: str) -> str:
        """What is stored and pending of some keys, and the progress."""
        of_stored, of_pending, end = self._parts
        return f"{of_stored} WHERE {stored} UNION ALL {of_pending} {pending} {end} UNION ALL {self._progress}"

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        quote = self.connection.ops.quote_name
        model, columns = self.counter.model._meta, ", ".join(self._columns)
        key, delta = quote("key"), self._amount
        return (
            f"SELECT 0, {columns}, NULL, {self._stored_units}, 0, 0, 0, 0, 0, 0 FROM {quote(model.db_table)}",
            f"SELECT 1, {self._no_columns}, {key}, SUM({delta}), COUNT(*) - COUNT({delta}), 0, 0, 0, 0, 0"
            f" FROM {quote(Delta._meta.db_table)} WHERE {quote('counter')} = %s AND",
            f"GROUP BY {key}",
        )

    def _counting(self, keys: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
        rows = actual_counts_query(self.counter, keys, self.using)
        sql, parameters = rows.query.get_compiler(self.using).as_sql()
        dialect = dialect_of(self.connection)
        texts = [dialect.text(f"t.nc_key{place}") + dialect.bytewise for place in range(len(self._columns))]
        text = joined_sql(texts, dialect) + dialect.bytewise  # as keys are compared
        return f"SELECT 3, {self._no_columns}, {text}, t.nc_number, 0, 0, 0, 0, 0, 0 FROM ({sql}) t", tuple(parameters)

    # Groups of composite keys

    def group_snapshot(self, group: str) -> Snapshot:
        """What is stored and pending of all keys of a group, and the progress of all shards, at one moment."""
        snapshot = self._of_group(group)
        if 0 not in snapshot.shards:
            self.ensure_progress(shards=1)
            snapshot = self._of_group(group)
        return snapshot

    def _of_group(self, group: str) -> Snapshot:
        snapshot = self._read(self._for_group(), self._group_parameters(group))
        return self._joined(snapshot) if self.is_loose and snapshot.keys else snapshot

    def _group_parameters(self, group: str) -> list[Any]:
        text = unescape(group)
        first = self.counter.keys.parts[0].to_column(text, self.connection)
        pending = [text] if self.is_loose else [group + SEPARATOR, group + AFTER_SEPARATOR]
        return [first, self.label, *pending, self.label]

    def _for_group(self) -> str:
        key = self.connection.ops.quote_name("key")
        if self.is_loose:
            pending = self.spelling.is_of_group(key)
        else:  # indexes are used all the same: the column is compared so
            key += dialect_of(self.connection).bytewise
            pending = f"{key} >= %s AND {key} < %s"
        return self._statement(f"{self._columns[0]} = %s", pending)

    def actual_counts_of_group(self, group: str) -> dict[str, int]:
        """The counts of all keys of a group, in units, by counting the source's rows."""
        return self._texts(actual_counts_of_group(self.counter, group, self.using))

    def _texts(self, numbers: models.QuerySet[Any, Any]) -> dict[str, int]:
        text, is_composite = self.counter.key_text, len(self._columns) > 1
        return {text(key if is_composite else key[0]): int(number) for *key, number in numbers}

    def to_pk(self, key: str) -> Any:
        """A key as this database takes it; a tuple where it is composite.

        Raises:
            InvalidKey: it takes no such key.
        """
        return self.counter.keys.to_pk(key, self.connection)

    def _to_columns(self, key: str) -> list[Any]:
        return self.counter.keys.to_columns(key, self.connection)

    def insert_deltas(self, sums: Mapping[str, int | None]) -> None:
        """Leave pending deltas in the database, in the open transaction; None requests a recount of its key."""
        deltas.insert(self.connection, self.label, sums, self.declaration)

    def refuse_other(self, declaration: str | None) -> None:
        """Refuse to correct counts that another declaration than this process has makes.

        Args:
            declaration: the digest that is stored with the counts; None where none is known.

        Raises:
            RecountFailed: it is another one.
        """
        if declaration not in (None, self.declaration):
            raise RecountFailed(
                f"{self.label}: the stored counts are made by another declaration (filter, key, sum or field) than this"
                " process has. A flush of the newer one recounts them; until then its values are counted from the rows."
            )

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
        found = self._texts(actual_counts_query(self.counter, keys, self.using))
        if self.is_loose:
            found = self._joined(Snapshot(actual=found), keys).actual
        return {key: found.get(key, 0) for key in keys}

    def one_by_one(self, keys: Sequence[str]) -> Iterable[Sequence[str]]:
        """Keys in parts of which each can be corrected by itself: two of them may be one, written differently."""
        has_equal = self.is_loose and len(set(self.spelling.classes(keys).values())) < len(keys)
        return in_parts(keys, 1) if has_equal else [keys]

    def keys_to_count(self, snapshot: Snapshot, keys: Sequence[str], is_all: bool = True) -> list[str]:
        """The keys whose values only their rows can tell.

        Args:
            snapshot: what the database knows.
            keys: the keys.
            is_all: whether no deltas may be pending where they are not seen; else all keys are counted.
        """
        if self.events:
            return []
        if not (snapshot.backfilled and is_all):
            return list(keys)
        return [key for key in keys if key in snapshot.recount_requests]

    def sees_all(self, known: ShardProgress, layout: Layout) -> bool:
        """Whether no deltas may be pending elsewhere than in the database and in a layout; what differs is logged once.

        Args:
            known: the progress of the first shard.
            layout: where the settings say that deltas are pending.
        """
        if not known.prefix:
            return True
        try:
            self.check_layout(known, layout)
        except BufferMismatch as error:
            self._log_mismatch(str(error))
            return False
        return self.database_id is not None

    def _log_mismatch(self, sentence: str) -> None:
        if not self._has_logged:
            self._has_logged = True
            what = "values lack what is pending there" if self.events else "reads count rows"
            logger.warning("%s Until then %s.", sentence, what)

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
                f" but the settings say {now}. If this database is a copy of another one, or that Redis is gone, run:"
                " manage.py notification_recount --new-identity, which leaves Redis alone. If not, set them back, with"
                " DATABASE_ONLY, run: manage.py notification_update_counter --drain, and change them then."
            )
