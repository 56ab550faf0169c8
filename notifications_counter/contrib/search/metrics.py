"""How search indexes are, as Prometheus metrics, read at each scrape.

Without prometheus-client this module can be imported; to register the metrics needs the extra ``prometheus``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from django.db import Error as DatabaseError
from django.db import close_old_connections

from ...exceptions import CounterError, MissingExtra, described
from .checks import indexes
from .status import IndexStatus, status

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

PREFIX = "notifications_counter_search"
LABELS = ("index", "database")


class Metric(NamedTuple):
    """One metric: its name, without the package's; what it says; how it is read."""

    name: str
    said: str
    read: Callable[[IndexStatus], float | None]


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
        lambda one: None if one.audited_at is None else one.audited_at.timestamp(),
    ),
)


class SearchCollector:
    """Reads how all search indexes are at each scrape.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """

    def __init__(self) -> None:
        if not HAS_CLIENT:
            raise MissingExtra("prometheus-client", "prometheus")

    def describe(self) -> list[GaugeMetricFamily]:
        """All metrics without values."""
        return list(_families().values())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All metrics, with a value for each index."""
        families = _families()
        close_old_connections()  # a scrape may come in a thread that no request cleans up after
        try:
            for index in indexes():
                labels = [index.label, index.alias()]
                try:
                    found = status(index, index.alias())
                except (CounterError, DatabaseError) as error:
                    logger.error("%s: how it is cannot be read: %s", index.label, described(error))
                    continue
                for metric in METRICS:
                    if (value := metric.read(found)) is not None:
                        families[metric.name].add_metric(labels, float(value))
        finally:
            close_old_connections()
        yield from families.values()


def _families() -> dict[str, GaugeMetricFamily]:
    return {one.name: GaugeMetricFamily(f"{PREFIX}_{one.name}", one.said, labels=LABELS) for one in METRICS}


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
    collector = SearchCollector()
    (REGISTRY if registry is None else registry).register(collector)
    return collector
