"""What an app reports as Prometheus metrics, read at each scrape.

Without prometheus-client this module can be imported; to make a collector needs the extra ``prometheus``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from django.db import Error as DatabaseError
from django.db import close_old_connections

from ..exceptions import CounterError, MissingExtra, described

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

Read = Callable[[Any], float | None]
Labels = Sequence[str]


class Metric(NamedTuple):
    """One metric.

    Attributes:
        name: its name, without the collector's prefix.
        said: what it says.
        read: reads it from a status; None leaves it out.
    """

    name: str
    said: str
    read: Read


def seconds_of(read: Callable[[Any], datetime | None]) -> Read:
    """Read a moment as the seconds that Prometheus takes."""

    def seconds(status: Any) -> float | None:
        moment = read(status)
        return None if moment is None else moment.timestamp()

    return seconds


class Collector:
    """Reads the status of some subjects at each scrape: a subclass says of which, and what of it.

    Attributes:
        prefix: of the names.
        labels: of each metric.
        metrics: those with a value for each status.
        up: what the metric of that name says, which has a value for each subject.
        up_labels: its labels.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """

    prefix: ClassVar[str]
    labels: ClassVar[Labels]
    metrics: ClassVar[Sequence[Metric]]
    up: ClassVar[str]
    up_labels: ClassVar[Labels]

    def __init__(self) -> None:
        if not HAS_CLIENT:
            raise MissingExtra("prometheus-client", "prometheus")

    def subjects(self) -> Iterable[Any]:
        """What has a status."""
        raise NotImplementedError

    def up_labels_of(self, subject: Any) -> Labels:
        """The labels of a subject, the first of which names it."""
        raise NotImplementedError

    def read(self, subject: Any) -> Iterable[tuple[Labels, Any]]:
        """The statuses of a subject, each with its labels."""
        raise NotImplementedError

    def is_up(self, status: Any) -> bool:
        """Whether all of a status could be read."""
        return True

    def describe(self) -> list[GaugeMetricFamily]:
        """All metrics without values: with these a registry does not read the status only to know the names."""
        return list(self._families().values())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All metrics, with a value for whatever is known."""
        families = self._families()
        close_old_connections()  # a scrape may come in a thread that no request cleans up after
        try:
            for subject in self.subjects():
                self._add(families, subject)
        finally:
            close_old_connections()
        yield from families.values()

    def _add(self, families: dict[str, GaugeMetricFamily], subject: Any) -> None:
        labels = self.up_labels_of(subject)
        try:
            found = list(self.read(subject))
        except (CounterError, DatabaseError) as error:
            logger.error("%s: its status cannot be read: %s", labels[0], described(error))
            families["up"].add_metric(labels, 0)
            return
        families["up"].add_metric(labels, float(all(self.is_up(status) for _, status in found)))
        for own, status in found:
            for metric in self.metrics:
                if (value := metric.read(status)) is not None:
                    families[metric.name].add_metric(own, float(value))

    def _families(self) -> dict[str, GaugeMetricFamily]:
        up = GaugeMetricFamily(f"{self.prefix}_up", self.up, labels=self.up_labels)
        named = ((one.name, f"{self.prefix}_{one.name}", one.said) for one in self.metrics)
        return {"up": up, **{name: GaugeMetricFamily(full, said, labels=self.labels) for name, full, said in named}}


Made = TypeVar("Made", bound=Collector)


def added(collector: Made, registry: CollectorRegistry | None) -> Made:
    """Add a collector to a registry, prometheus-client's own for None.

    Raises:
        ValueError: its metrics are there already.
    """
    (REGISTRY if registry is None else registry).register(collector)
    return collector
