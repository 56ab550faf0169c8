"""The database buffer: a delta is a row of the change's own transaction. Needs no server."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models, transaction

from ..compat.atomic import joined
from ..compat.transactions import sends_after_commit
from ..dialects import dialect_of
from ..ledger import deltas
from ..ledger.correct import correct_by_rows
from ..ledger.snapshot import RecountResult, Snapshot, in_parts
from ..ledger.store import CounterStore
from ..ledger.together import Wanted, see
from .base import Buffer, Subscription, Together
from .database_news import DatabaseSubscription, channel_of


class DatabaseBuffer(Buffer):
    """Deltas are pending in a table of the count model's own database.

    A row is inserted at once in the change's own transaction: no lock is shared, it is rolled back with the
    transaction, and nothing can come between the change and its delta.
    """

    supports_sql_annotation = True
    supports_triggers = True
    compares_as_columns = True

    def add(self, store: CounterStore, sums: Mapping[str, int | None]) -> None:
        connection = store.connection
        with joined(connection):
            deltas.insert(connection, store.label, sums, store.declaration)

    def add_together(self, changes: Sequence[tuple[CounterStore, Mapping[str, int | None]]]) -> None:
        if len({store.using for store, _ in changes}) > 1:
            return super().add_together(changes)
        connection = changes[0][0].connection
        with joined(connection):
            deltas.insert_together(connection, [(store.label, sums, store.declaration) for store, sums in changes])

    def values(self, store: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for part in in_parts(keys):
            found |= self._values(store, part)
        return found

    def value(self, store: CounterStore, key: str) -> int:
        found = store.sum_if_simple(key)
        return self._values(store, [key])[key] if found is None else found

    def _values(self, store: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        snapshot = store.snapshot(keys)
        counted = store.keys_to_count(snapshot, keys, store.sees_all(snapshot.shards[0], self.layout))
        return snapshot.in_database(keys) | (store.actual_counts(counted) if counted else {})

    def group_values(self, store: CounterStore, group: str) -> dict[str, int]:
        snapshot = store.group_snapshot(group)
        is_all = store.sees_all(snapshot.shards[0], self.layout)
        if not (store.events or (snapshot.backfilled and is_all)):
            return store.actual_counts_of_group(group)
        counted = store.keys_to_count(snapshot, list(snapshot.recount_requests))
        return snapshot.in_database(snapshot.keys) | (store.actual_counts(counted) if counted else {})

    def values_together(self, wanted: Wanted, rows: models.QuerySet[Any, Any] | None) -> Together:
        if any(store.is_loose for store, _ in wanted):
            return super().values_together(wanted, rows)
        seen = see(wanted, rows)
        read = list(zip(wanted, seen.snapshots, strict=True))
        if not all(self._says_all(store, key, snapshot) for (store, key), snapshot in read):
            return super().values_together(wanted, rows)
        values = [snapshot.in_database(snapshot.keys if store.has_groups else [key]) for (store, key), snapshot in read]
        # What the table says is the original's in a copy that no flush has noticed.
        epoch = seen.database_id if wanted[0][0].database_id == seen.database_id else ""
        return Together(values, epoch, seen.rows, at_one_moment=True)

    def _says_all(self, store: CounterStore, key: str, snapshot: Snapshot) -> bool:
        """Whether a snapshot alone is enough: the counter is backfilled, and no recount was requested."""
        if 0 not in snapshot.shards or snapshot.recount_requests:
            return False
        return not store.keys_to_count(snapshot, [key], store.sees_all(snapshot.shards[0], self.layout))

    def request_recount(self, store: CounterStore, keys: Sequence[str]) -> None:
        with transaction.atomic(using=store.using, savepoint=False):
            store.insert_deltas(dict.fromkeys(keys))
            if sends_after_commit(store.connection):
                transaction.on_commit(lambda: self.recount_now(store, keys), using=store.using)

    def recount(self, store: CounterStore, keys: Sequence[str], correct: bool = True) -> dict[str, RecountResult]:
        if correct:
            return correct_by_rows(store, keys)
        snapshot = store.snapshot(keys, count=True)
        store.check_layout(snapshot.shards[0], self.layout)
        return {key: snapshot.recounted(key) for key in keys}

    def publish(self, store: CounterStore, message: str) -> None:
        dialect_of(store.connection).publish(store.connection, channel_of(store), message)

    def subscribe(self, store: CounterStore) -> Subscription | None:
        return DatabaseSubscription(store) if dialect_of(store.connection).can_listen else None
