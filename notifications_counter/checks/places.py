"""Where deltas are pending, against what the settings say: ``manage.py check --database default``, and ``migrate``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db import Error as DatabaseError

from ..buffers.recording import buffer_of, store_of
from ..declaration.counter import CounterDeclaration
from ..exceptions import BufferMismatch, CounterError
from ..ledger import progress
from ..ledger.introspection import Tables


def check_places(app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Counters of which deltas may be pending where the settings do not look, in the databases that are given."""
    return [message for using in databases or () for message in _check_database(using)]


def _check_database(using: str) -> Iterator[CheckMessage]:
    try:
        tables = Tables(using)
        chosen = [counter for counter in tables.counters() if not tables.lacks(counter)]
        found = [(counter, message) for counter in chosen if (message := _mismatch(counter, using))]
    except (CounterError, DatabaseError):  # not migrated yet, which migrate may be about to do
        return
    for counter, message in found:
        hint = "Until then values are counted from rows, those of events lack what is pending, and no flush works."
        yield Warning(message, hint=hint, obj=counter.model, id="notifications_counter.W040")


def _mismatch(counter: CounterDeclaration, using: str) -> str:
    """Why the settings do not fit, a sentence; of a copy that no flush has noticed yet there is nothing to say."""
    store = store_of(counter, using)
    rows = progress.read_all(using, counter.label, 1)
    if not rows or store.database_id is None:
        return ""
    try:
        store.check_layout(rows[0], buffer_of(store).layout)
    except BufferMismatch as error:
        return str(error)
    return ""
