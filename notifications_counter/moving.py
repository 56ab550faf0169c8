"""A move between buffers, or to another prefix or number of shards: nothing may be left behind."""

from __future__ import annotations

from . import progress
from .exceptions import CounterError
from .flush import apply_all
from .recount import recount
from .stored import Stored


def forget_layout(stored: Stored) -> None:
    """Let nothing wait but in the database, and note it; see ``Counter.forget_layout``."""
    buffer = stored.counter.buffer
    if not buffer.layout.prefix:
        return
    if not stored.events:
        _recount_intended(stored)
    apply_all(stored)
    _refuse_rest(stored)
    known = progress.read(stored.using, stored.label, 0)
    stored.set_layout("", 1)
    # A recount that began before that may have added something since; one that begins after it adds rows.
    buffer.close_down(stored)
    apply_all(stored)
    try:
        _refuse_rest(stored)
    except CounterError:
        stored.set_layout(known.prefix, known.shards)
        raise


def _recount_intended(stored: Stored) -> None:
    """What processes have committed that died before their push; of the youngest that is known after the grace time."""
    buffer = stored.counter.buffer
    recount(stored, sorted(buffer.intended(stored)))


def _refuse_rest(stored: Stored) -> None:
    left = stored.counter.buffer.status(stored).outside
    if left:
        keys = "1 key is" if left == 1 else f"{left} keys are"
        raise CounterError(
            f"{stored.label}: {keys} still buffered in Redis. Give all processes the option ROWS_ONLY, or stop those"
            " that write, and drain again."
        )
