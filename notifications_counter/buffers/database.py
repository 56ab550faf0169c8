"""The database buffer: a delta is a row of the change's own transaction. Needs no server."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from django.db import Error as DatabaseError
from django.db import transaction

from ..compat.transactions import sends_after_commit
from ..exceptions import CounterError
from ..ledger.correct import correct_by_rows
from ..ledger.snapshot import Found, found_in, in_database, slices
from ..ledger.store import Stored
from .base import Buffer


class DatabaseBuffer(Buffer):
    """Deltas wait in a table of the count model's own database.

    A row is inserted at once in the change's own transaction: no lock is shared, a rollback takes it along, and
    nothing can come between the change and its delta.
    """

    def add(self, stored: Stored, sums: Mapping[str, int | None]) -> None:
        with transaction.atomic(using=stored.using, savepoint=False):
            stored.leave(sums)

    def values(self, stored: Stored, keys: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for part in slices(keys):
            found |= self._values(stored, part)
        return found

    def value(self, stored: Stored, key: str) -> int:
        found = stored.sum_if_simple(key)
        return self._values(stored, [key])[key] if found is None else found

    def _values(self, stored: Stored, keys: Sequence[str]) -> dict[str, int]:
        look = stored.look(keys)
        stored.check_layout(look.shards[0], self.layout)
        counted = stored.must_be_counted(look, keys)
        return in_database(look, keys) | (stored.true_values(counted) if counted else {})

    def group_values(self, stored: Stored, group: str) -> dict[str, int]:
        look = stored.look_at_group(group)
        stored.check_layout(look.shards[0], self.layout)
        if not (look.filled or stored.events):
            return stored.true_values_of_group(group)
        counted = stored.must_be_counted(look, list(look.asked))
        return in_database(look, list(look.keys)) | (stored.true_values(counted) if counted else {})

    def ask_recount(self, stored: Stored, keys: Sequence[str]) -> None:
        with transaction.atomic(using=stored.using, savepoint=False):
            stored.leave(dict.fromkeys(keys))
            if sends_after_commit(stored.connection):
                transaction.on_commit(lambda: self._try(stored, keys), using=stored.using)

    def _try(self, stored: Stored, keys: Sequence[str]) -> None:
        """Try a recount once; what does not succeed, the next flush does."""
        with suppress(CounterError, DatabaseError):
            for part in slices(keys):
                self.recount(stored, part)

    def recount(self, stored: Stored, keys: Sequence[str], correct: bool = True) -> dict[str, Found]:
        if correct:
            return correct_by_rows(stored, keys)
        look = stored.look(keys, count=True)
        stored.check_layout(look.shards[0], self.layout)
        return {key: found_in(look, key) for key in keys}
