"""The status of counters, for those who watch them: whatever fails, what is still known is told."""

from __future__ import annotations

from dataclasses import replace

from ..buffers.recording import buffer_of, store_of
from ..buffers.status import Status
from ..declaration.counter import CounterDeclaration
from ..exceptions import BufferUnavailable, CounterError, UnknownDatabase


def read_status(counter: CounterDeclaration, using: str | None = None) -> Status:
    """What is pending of a counter, and what its last flush did; see ``Counter.status``.

    A server that does not answer, or deltas that may be pending elsewhere than the settings say, are the status's
    ``problem``.

    Args:
        counter: the counter.
        using: a database alias, where it is not the counter's own.
    """
    store = store_of(counter, using)
    buffer = buffer_of(store)
    try:
        status = buffer.status(store)
    except UnknownDatabase:  # said by the status, and to nobody's harm
        return replace(buffer.database_status(store), outside=0)
    except BufferUnavailable as error:
        known = buffer.database_status(store)
        return replace(known, problem=str(error), outside=None, amount=None, intents=None, flagged=None)
    if not status.database:
        return status
    try:
        store.check_layout(store.snapshot([]).shards[0], buffer.layout)
    except CounterError as error:
        return replace(status, problem=str(error).removeprefix(f"{status.label}: "))
    return status
