"""A move between buffers, or to another prefix or number of shards: nothing may be left behind."""

from __future__ import annotations

from ..applying.apply import apply_all
from ..buffers.recording import buffer_of
from ..exceptions import CounterError
from ..ledger import progress
from ..ledger.progress import Layout
from ..ledger.store import CounterStore
from ..reconciliation.recount import recount


def drain(stored: CounterStore) -> None:
    """Let nothing wait but in the database, and note it; see ``Counter.drain``."""
    buffer = buffer_of(stored.counter)
    if not buffer.layout.prefix:
        return
    if not stored.events:
        _recount_intended(stored)
    apply_all(stored)
    _refuse_rest(stored)
    known = progress.read(stored.using, stored.label, 0)
    stored.set_layout(Layout())
    # A recount that began before that may have added something since; one that begins after it adds rows.
    buffer.close_down(stored)
    apply_all(stored)
    try:
        _refuse_rest(stored)
    except CounterError:
        stored.set_layout(Layout(known.prefix, known.shards))
        raise


def _recount_intended(stored: CounterStore) -> None:
    """What processes have committed that died before their push; of the youngest that is known after the grace time."""
    buffer = buffer_of(stored.counter)
    recount(stored, sorted(buffer.intended(stored)))


def _refuse_rest(stored: CounterStore) -> None:
    left = buffer_of(stored.counter).status(stored).outside
    if left:
        keys = "1 key is" if left == 1 else f"{left} keys are"
        raise CounterError(
            f"{stored.label}: {keys} still pending in Redis. Give all processes the option DATABASE_ONLY, or stop those"
            " that write, and drain again."
        )
