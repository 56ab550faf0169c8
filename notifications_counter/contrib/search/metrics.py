"""How search indexes are, as Prometheus metrics, read at each scrape.

Without prometheus-client this module can be imported; to register the metrics needs the extra ``prometheus``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...monitoring.collector import Collector, Labels, Metric, added, seconds_of
from .checks import indexes
from .index import SearchIndex
from .status import IndexStatus, status

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

METRICS = (
    Metric("complete", "1 if all documents are there, and of this database.", lambda one: one.is_complete),
    Metric("pending", "Documents that are outdated and not sent yet.", lambda one: one.pending),
    Metric("sent", "Documents that were sent in all.", lambda one: one.sent),
    Metric("available", "1 unless the sink took nothing at the last flush.", lambda one: not one.unavailable),
    Metric("set_aside", "Documents that cannot be made, or are refused.", lambda one: one.set_aside_in_all),
    Metric("drift", "Documents that audits have found to differ, in all.", lambda one: one.drifted),
    Metric(
        "last_audit_timestamp_seconds",
        "When all documents had been compared with their rows.",
        seconds_of(lambda one: one.audited_at),
    ),
)


class SearchCollector(Collector):
    """Reads how all search indexes are at each scrape.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """

    prefix = "notifications_counter_search"
    labels = up_labels = ("index", "database")
    metrics = METRICS
    up = "1 if how the index is could be read."

    def subjects(self) -> Iterable[SearchIndex]:
        return indexes()

    def up_labels_of(self, subject: SearchIndex) -> Labels:
        return [subject.label, subject.alias()]

    def read(self, subject: SearchIndex) -> Iterable[tuple[Labels, IndexStatus]]:
        yield self.up_labels_of(subject), status(subject, subject.alias())


def register(registry: CollectorRegistry | None = None) -> SearchCollector:
    """Add the metrics of all search indexes to a registry, once in each process.

    Args:
        registry: prometheus-client's own default where it is left out.

    Returns:
        What was added, for the registry's ``unregister``.

    Raises:
        MissingExtra: prometheus-client is not installed.
        ValueError: they are there already.
    """
    return added(SearchCollector(), registry)
