"""The database buffer: a delta is a row of the change's own transaction. Needs no server."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from django.db import Error as DatabaseError
from django.db import transaction

from ..compat.transactions import sends_after_commit
from ..exceptions import CounterError
from ..ledger.correct import correct_by_rows
from ..ledger.snapshot import RecountResult, found_in, in_database, in_parts
from ..ledger.store import CounterStore
from .base import Buffer


class DatabaseBuffer(Buffer):
    """Deltas wait in a table of the count model's own database.

    A row is inserted at once in the change's own transaction: no lock is shared, a rollback takes it along, and
    nothing can come between the change and its delta.
    """

    def add(self, stored: CounterStore, sums: Mapping[str, int | None]) -> None:
        with transaction.atomic(using=stored.using, savepoint=False):
            stored.insert_deltas(sums)

    def values(self, stored: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for part in in_parts(keys):
            found |= self._values(stored, part)
        return found

    def value(self, stored: CounterStore, key: str) -> int:
        found = stored.sum_if_simple(key)
        return self._values(stored, [key])[key] if found is None else found

    def _values(self, stored: CounterStore, keys: Sequence[str]) -> dict[str, int]:
        look = stored.snapshot(keys)
        stored.check_layout(look.shards[0], self.layout)
        counted = stored.keys_to_count(look, keys)
        return look.in_database(keys) | (stored.actual_counts(counted) if counted else {})

    def group_values(self, stored: CounterStore, group: str) -> dict[str, int]:
        look = stored.look_at_group(group)
        stored.check_layout(look.shards[0], self.layout)
        if not (look.backfilled or stored.events):
            return stored.true_values_of_group(group)
        counted = stored.keys_to_count(look, list(look.recount_requests))
        return look.in_database(list(look.keys)) | (stored.actual_counts(counted) if counted else {})

    def request_recount(self, stored: CounterStore, keys: Sequence[str]) -> None:
        with transaction.atomic(using=stored.using, savepoint=False):
            stored.insert_deltas(dict.fromkeys(keys))
            if sends_after_commit(stored.connection):
                transaction.on_commit(lambda: self._try(stored, keys), using=stored.using)

    def _try(self, stored: CounterStore, keys: Sequence[str]) -> None:
        """Try a recount once; what does not succeed, the next flush does."""
        with suppress(CounterError, DatabaseError):
            for part in in_parts(keys):
                self.recount(stored, part)

    def recount(self, stored: CounterStore, keys: Sequence[str], correct: bool = True) -> dict[str, RecountResult]:
        if correct:
            return correct_by_rows(stored, keys)
        look = stored.snapshot(keys, count=True)
        stored.check_layout(look.shards[0], self.layout)
        return {key: look.recounted(key) for key in keys}
