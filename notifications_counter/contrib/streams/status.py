"""How each partition of a group is doing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connections

from . import clock
from .models import Member, Progress
from .processor import Processor


class PartitionStatus(NamedTuple):
    """How a group is doing in one partition.

    Attributes:
        group: the group.
        topic: the topic.
        partition: the partition.
        offset: the offset of the next message that is to be applied.
        end: the offset that the next message of the partition gets.
        messages: how many messages were applied.
        rate: messages a second, lately.
        generation: rises whenever a member takes the partition.
        owner: who has it, as "host:process"; empty where nobody has it, or nobody who is alive.
        applied_at: when a chunk was committed last; None before the first one.
    """

    group: str
    topic: str
    partition: int
    offset: int
    end: int
    messages: int
    rate: float
    generation: int
    owner: str
    applied_at: datetime | None

    @property
    def lag(self) -> int:
        """How many messages are still to be applied."""
        return max(0, self.end - self.offset)


def status_of(processor: Processor) -> list[PartitionStatus]:
    """How the group of a processor is doing, by topic and partition; nothing before it has run.

    Raises:
        UnknownTopic: a topic is not there.
    """
    using = processor.using
    alive = Member.objects.using(using).filter(group=processor.group, expires_at__gte=clock.now(connections[using]))
    owners = {member.id: str(member) for member in alive}
    ends = {topic: processor.log.ends(topic) for topic in processor.inputs}
    rows = Progress.objects.using(using).filter(group=processor.group, topic__in=processor.inputs)
    return [
        PartitionStatus(
            processor.group,
            row.topic,
            row.partition,
            row.offset,
            ends[row.topic].get(row.partition, row.offset),
            row.messages,
            row.rate,
            row.generation,
            owners.get(row.owner, ""),
            None if row.applied_at is None else datetime.fromtimestamp(row.applied_at / 1000, UTC),
        )
        for row in rows.order_by("topic", "partition")
    ]
