"""How each partition of each group is doing, as Prometheus metrics, read at each scrape.

Without prometheus-client this module can be imported; to register the metrics needs the extra ``prometheus``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...monitoring.collector import Collector, Labels, Metric, added, seconds_of
from .processor import Processor, processors
from .status import PartitionStatus, status_of

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

METRICS = (
    Metric("offset", "Offset of the next message that is to be applied.", lambda one: one.offset),
    Metric("end_offset", "Offset that the next message of the partition gets.", lambda one: one.end),
    Metric("lag", "Messages that are still to be applied.", lambda one: one.lag),
    Metric("messages", "Messages that were applied.", lambda one: one.messages),
    Metric("messages_per_second", "Messages a second, lately.", lambda one: one.rate),
    Metric("generation", "How often a member has taken the partition.", lambda one: one.generation),
    Metric("owned", "1 if a member that is alive has the partition.", lambda one: bool(one.owner)),
    Metric("last_commit_timestamp_seconds", "When a chunk was committed last.", seconds_of(lambda one: one.applied_at)),
)


class StreamsCollector(Collector):
    """Reads how all groups are doing at each scrape.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """

    prefix = "notifications_counter_stream"
    labels = ("group", "topic", "partition")
    metrics = METRICS
    up = "1 if how the group is doing could be read."
    up_labels = ("group",)

    def subjects(self) -> Iterable[Processor]:
        return processors()

    def up_labels_of(self, subject: Processor) -> Labels:
        return [subject.group]

    def read(self, subject: Processor) -> Iterable[tuple[Labels, PartitionStatus]]:
        for status in status_of(subject):
            yield [status.group, status.topic, str(status.partition)], status


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
    return added(StreamsCollector(), registry)
