"""How each partition of each group is doing, as Prometheus metrics, read at each scrape.

Without prometheus-client this module can be imported; to register the metrics needs the extra ``prometheus``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from django.db import Error as DatabaseError
from django.db import close_old_connections

from ...exceptions import CounterError, MissingExtra, described
from .processor import processors
from .status import PartitionStatus, status_of

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

LABELS = ("group", "topic", "partition")


class Metric(NamedTuple):
    """One metric: its name, without the package's; what it says; how it is read."""

    name: str
    said: str
    read: Callable[[PartitionStatus], float | None]


METRICS = (
    Metric("offset", "Offset of the next message that is to be applied.", lambda one: one.offset),
    Metric("end_offset", "Offset that the next message of the partition gets.", lambda one: one.end),
    Metric("lag", "Messages that are still to be applied.", lambda one: one.lag),
    Metric("messages", "Messages that were applied.", lambda one: one.messages),
    Metric("messages_per_second", "Messages a second, lately.", lambda one: one.rate),
    Metric("generation", "How often a member has taken the partition.", lambda one: one.generation),
    Metric("owned", "1 if a member that is alive has the partition.", lambda one: bool(one.owner)),
    Metric(
        "last_commit_timestamp_seconds",
        "When a chunk was committed last.",
        lambda one: None if one.applied_at is None else one.applied_at.timestamp(),
    ),
)


class StreamsCollector:
    """Reads how all groups are doing at each scrape.

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
        """All metrics, with a value for each partition."""
        families = _families()
        close_old_connections()  # a scrape may come in a thread that no request cleans up after
        try:
            for processor in processors():
                try:
                    found = status_of(processor)
                except (CounterError, DatabaseError) as error:
                    logger.error("%s: how it is doing cannot be read: %s", processor.group, described(error))
                    families["up"].add_metric([processor.group], 0)
                    continue
                families["up"].add_metric([processor.group], 1)
                for status in found:
                    _add(families, status)
        finally:
            close_old_connections()
        yield from families.values()


def _add(families: dict[str, GaugeMetricFamily], status: PartitionStatus) -> None:
    labels = [status.group, status.topic, str(status.partition)]
    for metric in METRICS:
        value = metric.read(status)
        if value is not None:
            families[metric.name].add_metric(labels, float(value))


def _families() -> dict[str, GaugeMetricFamily]:
    prefix = "notifications_counter_stream"
    found = {one.name: GaugeMetricFamily(f"{prefix}_{one.name}", one.said, labels=LABELS) for one in METRICS}
    up = GaugeMetricFamily(f"{prefix}_up", "1 if how the group is doing could be read.", labels=["group"])
    return {**found, "up": up}


def register(registry: CollectorRegistry | None = None) -> StreamsCollector:
    """Add the metrics of all groups to a registry, once in each process.

    Args:
        registry: prometheus-client's own default where it is left out.

    Returns:
        What was added, for the registry's ``unregister``.

    Raises:
        MissingExtra: prometheus-client is not installed.
        ValueError: they are there already.
    """
    collector = StreamsCollector()
    (REGISTRY if registry is None else registry).register(collector)
    return collector
