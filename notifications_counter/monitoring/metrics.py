"""The status of all counters as Prometheus metrics, read at each scrape.

Without prometheus-client this module can be imported; to register the metrics needs the extra ``prometheus``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from django.db import Error as DatabaseError
from django.db import close_old_connections, router

from ..buffers.status import Server, Status
from ..counters import Counter, counters
from ..exceptions import CounterError, MissingExtra, described
from .status import read_status

try:
    from prometheus_client import REGISTRY
    from prometheus_client.core import GaugeMetricFamily
except ImportError:
    HAS_CLIENT = False
else:
    HAS_CLIENT = True

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

logger = logging.getLogger("notifications_counter")

LABELS = ("counter", "database")

Read = Callable[[Status], float | None]


class Metric(NamedTuple):
    """One metric.

    Attributes:
        name: its name, without the package's.
        said: what it says.
        read: reads it from a status; None leaves it out.
    """

    name: str
    said: str
    read: Read


def _known(name: str) -> Read:
    """A number of which the database knows a part: left out where the buffer's server does not answer."""
    return lambda status: None if status.outside is None else getattr(status, name)


def _time(name: str) -> Read:
    def read(status: Status) -> float | None:
        moment: datetime | None = getattr(status, name)
        return None if moment is None else moment.timestamp()

    return read


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
    Metric("last_flush_timestamp_seconds", "When the last flush ended.", _time("flushed_at")),
    Metric("last_flush_duration_seconds", "How long it took.", attrgetter("flushed_seconds")),
    Metric("last_flush_keys", "How many keys' sums it added.", attrgetter("flushed_keys")),
    Metric("last_audit_timestamp_seconds", "When the audit last recounted keys.", _time("audited_at")),
    Metric("last_drift_timestamp_seconds", "When the audit last found wrong counts.", _time("drift_at")),
    Metric("last_drift_keys", "How many it found then.", attrgetter("drift_keys")),
    Metric("last_drift_amount", "By how much they were wrong, without signs.", attrgetter("drift_amount")),
    Metric("server_memory_bytes", "Memory that Redis uses.", _servers(lambda all_: sum(one.memory for one in all_))),
    Metric("server_evicts", "1 if Redis may remove deltas.", _servers(lambda all_: any(one.evicts for one in all_))),
    Metric("server_persists", "1 if Redis writes to a disk.", _servers(lambda all_: all(one.persists for one in all_))),
)

UP = "1 if the status could be read, that of the buffer's server included."


class CounterCollector:
    """Reads the status of all counters at each scrape.

    Args:
        using: a database alias, where it is not each counter's own.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """

    def __init__(self, using: str | None = None) -> None:
        if not HAS_CLIENT:
            raise MissingExtra("prometheus-client", "prometheus")
        self.using = using

    def describe(self) -> list[GaugeMetricFamily]:
        """All metrics without values: with these a registry does not read the status only to know the names."""
        return list(_families().values())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All metrics, with a value for each counter of which it is known."""
        families = _families()
        close_old_connections()  # a scrape may come in a thread that no request cleans up after
        try:
            for counter in counters():
                self._add(families, counter)
        finally:
            close_old_connections()
        yield from families.values()

    def _add(self, families: dict[str, GaugeMetricFamily], counter: Counter) -> None:
        labels = [counter.label, self.using or counter.using or router.db_for_write(counter.model)]
        try:
            status = read_status(counter, self.using)
        except (CounterError, DatabaseError) as error:
            logger.error("%s: its status cannot be read: %s", counter.label, described(error))
            families["up"].add_metric(labels, 0)
            return
        families["up"].add_metric(labels, float(not status.problem))
        for metric in METRICS:
            value = metric.read(status)
            if value is not None:
                families[metric.name].add_metric(labels, float(value))


def _families() -> dict[str, GaugeMetricFamily]:
    said = {"up": UP, **{metric.name: metric.said for metric in METRICS}}
    labels = ["counter", "database"]
    return {
        name: GaugeMetricFamily(f"notifications_counter_{name}", help, labels=labels) for name, help in said.items()
    }


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
    collector = CounterCollector(using)
    (REGISTRY if registry is None else registry).register(collector)
    return collector
