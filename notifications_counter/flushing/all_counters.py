"""A flush of all counters: what the command, the cron job and the tasks run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from django.db import Error as DatabaseError

from ..applying.result import FlushResult
from ..buffers.recording import store_of
from ..declaration.counter import CounterDeclaration
from ..declaration.registry import declarations
from ..exceptions import CounterError, FlushFailed, described
from ..ledger.introspection import Tables
from ..ledger.store import CounterStore
from ..signals import flush_ended
from .drain import drain as drain_one
from .flush import flush

#: So many sentences say what went wrong with a counter.
MOST_NAMED = 3

logger = logging.getLogger("notifications_counter")


def flush_all(
    counters: Iterable[CounterDeclaration] | None = None,
    *,
    using: str | None = None,
    chunk_size: int | None = None,
    stop: Callable[[], bool] | None = None,
    report: Callable[[int, int], None] | None = None,
    drain: bool = False,
) -> list[FlushResult]:
    """Flush counters one after the other. One that fails is logged, and keeps no other from its turn.

    A counter is passed over where its database, or the current schema, has no tables for it.

    Args:
        counters: the counters; all where they are left out.
        using: a database alias, where it is not each counter's own.
        chunk_size: how many keys one transaction applies; each buffer's ``CHUNK_SIZE`` without it.
        stop: asked between chunks and counters; a true answer ends the flush, and the rest stays pending.
        report: called after each chunk with how many of a counter's deltas were applied, and of how many.
        drain: whether to let nothing be pending outside the database afterwards; see ``Counter.drain``.

    Returns:
        What was done, for each counter that had its turn; ``error`` says why one could not be flushed.
    """
    return list(flush_each(counters, using=using, chunk_size=chunk_size, stop=stop, report=report, drain=drain))


def flush_each(
    counters: Iterable[CounterDeclaration] | None = None,
    *,
    using: str | None = None,
    chunk_size: int | None = None,
    stop: Callable[[], bool] | None = None,
    report: Callable[[int, int], None] | None = None,
    drain: bool = False,
) -> Iterator[FlushResult]:
    """As ``flush_all``, one result at a time."""

    tables = cache(Tables)

    def flush_one(store: CounterStore) -> FlushResult:
        if sentence := tables(store.using).lacks(store.counter):
            return FlushResult(store.label, passed_over=sentence)
        result = flush(store, chunk_size=chunk_size, stop=stop, report=report)
        if drain and result.ok:
            drain_one(store)
        return result

    for counter in declarations() if counters is None else counters:
        if stop and stop():
            return
        try:
            result = flush_one(store_of(counter, using))
        except (CounterError, DatabaseError) as error:
            logger.error("%s could not be flushed: %s", counter.label, described(error))
            result = FlushResult(counter.label, error=described(error))
        except Exception as error:  # whatever it is, it is no reason not to flush the others
            logger.exception("%s could not be flushed", counter.label)
            result = FlushResult(counter.label, error=f"{type(error).__name__}: {described(error)}")
        yield result
    # Robust: no receiver may keep a flush from what it is for; Django logs what fails.
    flush_ended.send_robust(None, using=using, stop=stop)


def refuse_failures(results: Iterable[FlushResult]) -> None:
    """Fail where something could not be flushed, so that whoever has started the flush learns of it.

    Raises:
        FlushFailed: a result is not ``ok``.
    """
    failed = [_failure(result) for result in results if not result.ok]
    if failed:
        raise FlushFailed(
            f"Not all went well. {' '.join(failed)} What was not flushed is still pending, and the log says all of it."
        )


def _failure(result: FlushResult) -> str:
    """What went wrong with a counter."""
    said = [*filter(None, [result.error]), *result.lost, *result.problems]
    first = [sentence.removeprefix(f"{result.label}: ") for sentence in said[:MOST_NAMED]]
    more = f" (and {len(said) - MOST_NAMED} more)" if len(said) > MOST_NAMED else ""
    return f"{result.label}: {' '.join(first)}{more}"
