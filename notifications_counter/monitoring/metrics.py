"""The status of all counters, as Prometheus metrics, read at each scrape.

Without prometheus-client this module can be imported; to register the metrics needs the extra ``prometheus``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING

from django.db import router

from ..buffers.status import Server, Status
from ..counters import Counter, counters
from .collector import Collector, Labels, Metric, Read, added, seconds_of
from .status import read_status

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def _known(name: str) -> Read:
    """A number of which the database knows a part: left out where the buffer's server does not answer."""
    return lambda status: None if status.outside is None else getattr(status, name)


def _servers(read: Callable[[Iterator[Server]], float]) -> Read:
    return lambda status: read(iter(status.servers)) if status.servers else None


def _oldest_intent(status: Status) -> float | None:
    return None if status.intents is None else status.oldest_intent or 0


METRICS = (
    Metric("pending_keys", "Keys that have pending deltas.", _known("keys")),
    Metric("pending_rows", "Deltas that are pending in the database.", attrgetter("rows")),
    Metric("pending_amount", "Sum of all pending deltas.", attrgetter("amount")),
    Metric("batch_remaining_keys", "Keys of the begun batch still to be applied.", lambda one: one.size - one.position),
    Metric("recount_requests", "Recounts that were requested and not done yet.", _known("recount_requests")),
    Metric("open_intents", "Intents that no push has followed yet.", attrgetter("intents")),
    Metric("flagged_intents", "Open intents that a recount has seen.", attrgetter("flagged")),
    Metric("oldest_intent_age_seconds", "Age of the oldest open intent, 0 for none.", _oldest_intent),
    Metric("backfilled", "1 if the source has been counted once.", attrgetter("backfilled")),
    Metric("recounts_lost_data", "1 while all keys are recounted after a loss.", lambda one: one.lost_at is not None),
    Metric("last_flush_timestamp_seconds", "When the last flush ended.", seconds_of(attrgetter("flushed_at"))),
    Metric("last_flush_duration_seconds", "How long it took.", attrgetter("flushed_seconds")),
    Metric("last_flush_keys", "How many keys' sums it added.", attrgetter("flushed_keys")),
    Metric("last_audit_timestamp_seconds", "When the audit last recounted keys.", seconds_of(attrgetter("audited_at"))),
    Metric(
        "last_drift_timestamp_seconds", "When the audit last found wrong counts.", seconds_of(attrgetter("drift_at"))
    ),
    Metric("last_drift_keys", "How many it found then.", attrgetter("drift_keys")),
    Metric("last_drift_amount", "By how much they were wrong, without signs.", attrgetter("drift_amount")),
    Metric("server_memory_bytes", "Memory that Redis uses.", _servers(lambda all_: sum(one.memory for one in all_))),
    Metric("server_evicts", "1 if Redis may remove deltas.", _servers(lambda all_: any(one.evicts for one in all_))),
    Metric("server_persists", "1 if Redis writes to a disk.", _servers(lambda all_: all(one.persists for one in all_))),
)


class CounterCollector(Collector):
    """Reads the status of all counters at each scrape.

    Args:
        using: a database alias, where it is not each counter's own.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """

    prefix = "notifications_counter"
    labels = up_labels = ("counter", "database")
    metrics = METRICS
    up = "1 if the status could be read, that of the buffer's server included."

    def __init__(self, using: str | None = None) -> None:
        super().__init__()
        self.using = using

    def subjects(self) -> Iterable[Counter]:
        return counters()

    def up_labels_of(self, subject: Counter) -> Labels:
        return [subject.label, self.using or subject.using or router.db_for_write(subject.model)]

    def read(self, subject: Counter) -> Iterable[tuple[Labels, Status]]:
        yield self.up_labels_of(subject), read_status(subject, self.using)

    def is_up(self, status: Status) -> bool:
        return not status.problem


def register(registry: CollectorRegistry | None = None, using: str | None = None) -> CounterCollector:
    """Add the metrics of all counters to a registry, once in each process.

    Args:
        registry: prometheus-client's own default where it is left out.
        using: a database alias, where it is not each counter's own.

    Returns:
        What was added, for the registry's ``unregister``.

    Raises:
        MissingExtra: prometheus-client is not installed.
        ValueError: they are there already.
    """
    return added(CounterCollector(using), registry)
