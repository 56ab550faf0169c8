"""The database buffer: a delta is a row of the change's own transaction. Needs no server."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from django.db import Error as DatabaseError
from django.db import transaction
from django.utils import timezone

from .. import progress, waiting
from ..exceptions import CounterError
from ..stored import Stored
from .base import Buffer, Found, found_in, in_database, must_be_counted, slices
from .on_commit import sends_after_commit
from .status import Status

#: What the progress rows of all shards of a counter say alike, under the names that a status has for it.
SAME_IN_ALL_SHARDS = (
    *("filled", "lost_at", "flushed_at", "flushed_keys", "flushed_seconds"),
    *("audited_at", "audited_to", "audit_keys", "drift_at", "drift_keys", "drift_amount"),
)


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
        stored.check_layout(look.shards[0], self.layout.prefix, self.layout.shards)
        counted = must_be_counted(stored, look, keys)
        return in_database(look, keys) | (stored.true_values(counted) if counted else {})

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
        stored.check_layout(look.shards[0], self.layout.prefix, self.layout.shards)
        return {key: found_in(look, key) for key in keys}

    def status(self, stored: Stored) -> Status:
        return database_status(self, stored)


def correct_by_rows(stored: Stored, keys: Sequence[str]) -> dict[str, Found]:
    """Recount keys, and let what differs wait in the database.

    Raises:
        LayoutChanged: deltas may wait elsewhere too, where it is not seen.
    """
    using, label = stored.using, stored.label
    with transaction.atomic(using=using, durable=True):
        stored.check_layout(progress.lock(using, label, 0), "", 1)
        asked = waiting.asked_of(using, label, keys)
        look = stored.look(keys, count=True)
        found = {key: found_in(look, key) for key in keys}
        stored.leave({key: one.difference for key, one in found.items() if one.difference})
        waiting.delete(using, asked)
    return found


def database_status(buffer: Buffer, stored: Stored) -> Status:
    """What the database knows."""
    shards = buffer.layout.shards
    stored.ensure_progress(shards)
    rows = progress.read_all(stored.using, stored.label, shards)
    waits = waiting.summary(stored.using, stored.label)
    return Status(
        label=stored.label,
        using=stored.using,
        buffer=buffer.alias,
        at=timezone.now(),
        keys=waits.keys,
        rows=waits.rows,
        amount=waits.amount,
        asked=waits.asked,
        batch=max(row.batch for row in rows),
        position=sum(row.position for row in rows),
        size=sum(row.size for row in rows),
        **{name: getattr(rows[0], name) for name in SAME_IN_ALL_SHARDS},
    )
