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
from ..declaration.rows import actual_counts_of_group, actual_counts_query, source_rows
from ..dialects.comparison import is_known
from ..exceptions import BufferMismatch, NothingToRecount, RecountFailed, UnknownDatabase
from . import deltas, identity, progress
from .progress import Layout
from .snapshot import ShardProgress, Snapshot, in_parts
from .spelling import Spelling, joined
from .statements import MOST_ROWS, Sql, Statements
from .tables import Progress

logger = logging.getLogger("notifications_counter")


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
    def _loose(self) -> Spelling | None:
        return self.spelling if self.is_loose else None

    @cached_property
    def _statements(self) -> Statements:
        return Statements(self.counter, self.using, self.declaration)

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
            cursor.execute(*self._statements.of_simple_key(key))
            rows = cursor.fetchall()
        amounts = [amount for is_amount, amount in rows if is_amount]
        is_simple = len(amounts) < len(rows) < MOST_ROWS and None not in amounts
        return sum(amounts) if is_simple else None

    def ensure_progress(self, shards: int) -> None:
        """Create the progress rows that are missing. A source without a row counts as backfilled."""
        layout, backfilled = self._new_layout(), not self.has_rows()
        values = {"backfilled": backfilled, "declaration": self.declaration, **asdict(layout)}
        progress.ensure(self.using, self.label, shards, **values)

    def _of_keys(self, keys: Sequence[str], count: bool) -> Snapshot:
        loose = self._loose
        statement, parameters = self._statements.of_keys(keys, loose)
        if keys and count:
            counting, more = self._statements.counting(keys)
            statement, parameters = f"{statement} UNION ALL {counting}", [*parameters, *more]
        snapshot = self._read(statement, parameters)
        return self._joined(snapshot, keys) if keys and loose else snapshot

    def statement(self, key: str) -> Sql:
        """SQL for what is stored and pending of a key, or of a group where keys are composite, and the progress."""
        if self.has_groups:
            return self._statements.of_group(key, self._loose)
        return self._statements.of_keys([key], self._loose)

    def _joined(self, snapshot: Snapshot, asked: Sequence[str] = ()) -> Snapshot:
        """A snapshot of keys that may be written differently, by those that were asked, or are stored."""
        texts = list(dict.fromkeys([*asked, *snapshot.stored, *snapshot.pending, *snapshot.actual]))
        classes = dict.fromkeys(texts, asked[0]) if len(asked) == 1 else self.spelling.classes(texts)
        return joined(snapshot, classes, asked)

    def _read(self, statement: str, parameters: Sequence[Any]) -> Snapshot:
        snapshot, width = Snapshot(), len(self.counter.keys.parts)
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

    # Groups of composite keys

    def group_snapshot(self, group: str) -> Snapshot:
        """What is stored and pending of all keys of a group, and the progress of all shards, at one moment."""
        snapshot = self._of_group(group)
        if 0 not in snapshot.shards:
            self.ensure_progress(shards=1)
            snapshot = self._of_group(group)
        return snapshot

    def _of_group(self, group: str) -> Snapshot:
        loose = self._loose
        snapshot = self._read(*self._statements.of_group(group, loose))
        return self._joined(snapshot) if loose and snapshot.keys else snapshot

    def actual_counts_of_group(self, group: str) -> dict[str, int]:
        """The counts of all keys of a group, in units, by counting the source's rows."""
        return self._texts(actual_counts_of_group(self.counter, group, self.using))

    def _texts(self, numbers: models.QuerySet[Any, Any]) -> dict[str, int]:
        text, is_composite = self.counter.key_text, self.has_groups
        return {text(key if is_composite else key[0]): int(number) for *key, number in numbers}

    def to_pk(self, key: str) -> Any:
        """A key as this database takes it; a tuple where it is composite.

        Raises:
            InvalidKey: it takes no such key.
        """
        return self.counter.keys.to_pk(key, self.connection)

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
