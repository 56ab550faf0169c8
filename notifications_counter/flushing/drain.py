"""The way out of a buffer, to another one, or to another prefix or number of shards: nothing may be left behind."""

from __future__ import annotations

from ..applying.apply import apply_all
from ..buffers.recording import buffer_of
from ..exceptions import CounterError
from ..ledger import progress
from ..ledger.identity import identify
from ..ledger.progress import Layout
from ..ledger.store import CounterStore
from ..reconciliation.recount import recount


def drain(store: CounterStore) -> None:
    """Flush all that is pending outside the database, and note that nothing is; see ``Counter.drain``."""
    buffer = buffer_of(store)
    if not buffer.needs_draining:
        return
    identify(store.using)  # what a copy was copied from is not drained
    store.ensure_progress(buffer.layout.shards)
    store.check_layout(progress.read(store.using, store.label, 0), buffer.layout)
    if not store.events:
        _recount_intended(store)
    apply_all(store)
    _refuse_rest(store)
    known = progress.read(store.using, store.label, 0)
    store.set_layout(Layout())
    # A recount that began before that may have added something since; one that begins after it adds rows.
    buffer.close_down(store)
    apply_all(store)
    try:
        _refuse_rest(store)
    except CounterError:
        store.set_layout(Layout(known.prefix, known.shards))
        raise


def _recount_intended(store: CounterStore) -> None:
    """What processes have committed that died before their push: known when their intents are older than the grace."""
    buffer = buffer_of(store)
    recount(store, sorted(buffer.intended_keys(store)))


def _refuse_rest(store: CounterStore) -> None:
    left = buffer_of(store).status(store).outside
    if left:
        keys = "1 key is" if left == 1 else f"{left} keys are"
        raise CounterError(
            f"{store.label}: {keys} still pending in Redis. Give all processes the option DATABASE_ONLY, or stop those"
            " that write, and drain again."
        )
