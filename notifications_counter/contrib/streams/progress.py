"""How far a group has got: one row for each partition, which is moved in the transaction that applies the messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import connections, transaction
from django.db.models import F

from ...exceptions import quoted
from . import clock
from .exceptions import Fenced, StreamError, TopicReplaced
from .logs.base import Position, TopicPartition
from .models import Group, Progress
from .processor import Processor


def partitions_of(processor: Processor) -> int:
    """How many partitions each of the topics of a processor has.

    Raises:
        UnknownTopic: there is no such topic.
        StreamError: they have not all as many.
    """
    numbers = {topic: processor.log.topic(topic).partitions for topic in processor.inputs}
    if len(set(numbers.values())) > 1:
        said = ", ".join(f"{topic}: {number}" for topic, number in sorted(numbers.items()))
        raise StreamError(
            f"The topics of {quoted(processor.group)} have different numbers of partitions ({said}), so that the"
            " messages of a key do not meet in one process. Give them the same number."
        )
    return next(iter(numbers.values()))


def prepare(processor: Processor) -> int:
    """Make the rows of a group that are not there yet; how many partitions its topics have.

    Raises:
        UnknownTopic: there is no such topic.
        StreamError: the topics have different numbers of partitions.
        TopicReplaced: the group has offsets in a topic that is gone.
    """
    number, using = partitions_of(processor), processor.using
    Group.objects.using(using).get_or_create(name=processor.group)
    rows = Progress.objects.using(using)
    known = set(rows.filter(group=processor.group).values_list("topic", "partition"))
    for topic in processor.inputs:
        if missing := [one for one in range(number) if (topic, one) not in known]:
            uid = processor.log.topic(topic).uid
            # Of a topic that has grown: nobody may miss the messages that are in the new partitions already.
            is_new = len(missing) == number
            starts = processor.log.ends(topic) if processor.from_end and is_new else processor.log.begins(topic)
            rows.bulk_create(
                [
                    Progress(group_id=processor.group, topic=topic, partition=one, topic_uid=uid, offset=starts[one])
                    for one in missing
                ],
                ignore_conflicts=True,
            )
    refuse_replaced(processor, positions(processor, range(number)))
    return number


def positions(processor: Processor, partitions: Iterable[int]) -> dict[TopicPartition, Position]:
    """Where a group stands in partitions."""
    rows = Progress.objects.using(processor.using).filter(
        group=processor.group, topic__in=processor.inputs, partition__in=list(partitions)
    )
    return {
        TopicPartition(row.topic, row.partition): Position(row.offset, row.topic_uid, row.leader_epoch) for row in rows
    }


def advance(
    processor: Processor,
    source: TopicPartition,
    before: int,
    after: int,
    *,
    generation: int,
    messages: int,
    rate: float,
    epoch: int | None = None,
) -> None:
    """Move a group's offset in a partition, in the transaction that is open, which holds its row from now on.

    Args:
        processor: whose group it is.
        source: the partition.
        before: the offset as this member knows it.
        after: the offset that it becomes.
        generation: the one with which this member took the partition.
        messages: how many messages this applies.
        rate: messages a second, lately.
        epoch: as of ``Position``.

    Raises:
        Fenced: another member has taken the partition, or somebody has set the offset.
    """
    moved = (
        Progress.objects.using(processor.using)
        .filter(group=processor.group, topic=source.topic, partition=source.partition)
        .filter(generation=generation, offset=before)
        .update(
            offset=after,
            leader_epoch=epoch,
            messages=F("messages") + messages,
            rate=rate,
            applied_at=clock.now(connections[processor.using]),
        )
    )
    if not moved:
        raise Fenced(
            f"{processor.group}: partition {source.partition} of {source.topic} is no longer at offset {before} in"
            f" generation {generation}: another member has it. What this one was about to apply is rolled back."
        )


def reset(processor: Processor, topic: str, offsets: Mapping[int, int]) -> None:
    """Let a group go on elsewhere; whoever has the partitions loses them.

    Args:
        processor: whose group it is.
        topic: the topic.
        offsets: partition -> offset.
    """
    uid, rows = processor.log.topic(topic).uid, Progress.objects.using(processor.using)
    with transaction.atomic(processor.using):
        for partition, offset in sorted(offsets.items()):
            rows.filter(group=processor.group, topic=topic, partition=partition).update(
                offset=offset, topic_uid=uid, leader_epoch=None, owner="", generation=F("generation") + 1
            )


def refuse_replaced(processor: Processor, found: Mapping[TopicPartition, Position]) -> None:
    """Refuse offsets that were stored in a topic of the same name that is gone.

    Raises:
        TopicReplaced: there are some.
    """
    uids = {topic: processor.log.topic(topic).uid for topic in {source.topic for source in found}}
    for source, position in sorted(found.items()):
        if position.uid != uids[source.topic]:
            raise TopicReplaced(processor.group, source.topic, source.partition, position.offset)
