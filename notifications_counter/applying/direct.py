"""Adding events straight to the stored counts, for whoever keeps beside them what has been counted already."""

from __future__ import annotations

from collections.abc import Mapping

from ..buffers.recording import buffer_of, note_change
from ..compat.atomic import joined
from ..exceptions import SourceCounted
from ..ledger.store import CounterStore
from . import upsert


def add_to_rows(store: CounterStore, sums: Mapping[str, int]) -> None:
    """Add sums to the stored counts of a counter of events, in the caller's transaction.

    Args:
        store: the counter, on one database alias.
        sums: key, as text, -> sum, in units.

    Raises:
        InvalidKey: the database takes no such key.
        SourceCounted: the counter has a source.
    """
    if not store.events:
        raise SourceCounted(
            f"{store.label} counts the rows of {store.counter.declared_source}: only a counter without a source can be"
            " added to in its rows, because a recount would take it away. Use add()."
        )
    if not sums:
        return
    connection, to_pk = store.connection, store.counter.keys.to_pk
    pks = [(to_pk(key, connection), amount) for key, amount in sums.items()]
    with joined(connection):
        buffer_of(store).hold_cache(store, sums)
        upsert.add(store, pks)
        note_change(store, sums)
