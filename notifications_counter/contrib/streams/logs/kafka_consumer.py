"""A consumer of Kafka, by itself or as a member of a group.

The client may lose messages that it has taken whenever an exception passes through it. So its callbacks raise nothing,
do next to nothing and ask no database; and after an exception of any kind it is closed and never used on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ....exceptions import described
from ..exceptions import LogUnavailable
from .base import Position, TopicPartition
from .kafka_client import (
    Consumer,
    KafkaError,
    KafkaException,
    KafkaPartition,
    Message,
    client_logger,
    code_of,
    consumer_settings,
    unavailable,
)

Sources = Iterable[TopicPartition]

#: Of a partition that the client has not quite taken.
NOT_YET = {KafkaError._STATE, KafkaError._PREV_IN_PROGRESS, KafkaError._UNKNOWN_PARTITION}


def settings_of_group(topics: Sequence[str], protocol: str) -> dict[str, Any]:
    """How a group shares out its partitions: the same partition of all topics to one member.

    Args:
        topics: what it reads; nothing for a reader that is no member.
        protocol: ``"consumer"``, of KIP-848, or ``"classic"``.
    """
    if topics and protocol == "consumer":
        # Of one topic, the assignor that moves no partition without need.
        assignor = "range" if len(topics) > 1 else "uniform"
        return {"group.protocol": "consumer", "group.remote.assignor": assignor}
    strategy = "range" if len(topics) > 1 else "cooperative-sticky"
    return {"group.protocol": "classic", "partition.assignment.strategy": strategy}


class KafkaConsumer:
    """What reads; used by one thread.

    Args:
        client: the client settings of the log.
        group: the group.
        topics: what it reads as a member of the group; nothing for one that is told its partitions.
        protocol: ``"consumer"`` or ``"classic"``.
        on_change: called when partitions are given or taken away, with what is gone.

    Attributes:
        given: the partitions that it has.
        reading: those of them that it reads.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        group: str,
        topics: Sequence[str],
        protocol: str,
        on_change: Callable[[set[TopicPartition]], None],
    ) -> None:
        self.given: set[TopicPartition] = set()
        self.reading: set[TopicPartition] = set()
        self.is_member = bool(topics)
        self._group = group
        self._is_incremental = protocol == "consumer" or len(topics) == 1
        self._on_change = on_change
        self._failure: Exception | None = None
        self._consumer = Consumer(consumer_settings(client, group, settings_of_group(topics, protocol)))
        if topics:
            self._consumer.subscribe(
                list(topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
            )

    # Callbacks

    def _assigned(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        """Have partitions, and read nothing of them until somebody says from where."""
        try:
            for one in partitions:
                one.offset = 0  # without one, the client would ask for the group's own
            (consumer.incremental_assign if self._is_incremental else consumer.assign)(partitions)
            consumer.pause(partitions)
            self.given |= sources_of(partitions)
            self._begin_again()
            self._on_change(set())
        except Exception as error:
            self._failure = error

    def _revoked(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        try:
            gone = sources_of(partitions)
            self._on_change(gone)
            self.given -= gone
            self._begin_again()
            if self._is_incremental:
                consumer.incremental_unassign(partitions)
            else:
                consumer.unassign()
        except Exception as error:
            self._failure = error

    def _begin_again(self) -> None:
        """Begin to read every partition anew, also those that stay.

        While it waits for these callbacks, the client reads nothing, and has thrown away what it had read ahead. When
        it may go on, its threads do not notice, unless something is begun, before they look by themselves: a second
        later.
        """
        self.reading.clear()

    # Partitions

    def begin(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Read partitions from positions, as far as it has them; of a member those that it was given."""
        if not self.is_member:
            new = {source: position for source, position in positions.items() if source not in self.given}
            if new:
                self._consumer.incremental_assign([placed(*one) for one in new.items()])
            self.given |= new.keys()
            self.reading |= new.keys()
            return
        for source in [one for one in positions if one in self.given and one not in self.reading]:
            if self._seek(source, positions[source]):
                self._consumer.resume([KafkaPartition(*source)])
                self._seek(source, positions[source])  # of which the client takes notice, as of no resume
                self.reading.add(source)

    def _seek(self, source: TopicPartition, position: Position) -> bool:
        try:
            self._consumer.seek(placed(source, position))
        except KafkaException as error:
            if code_of(error) in NOT_YET:
                return False
            raise
        return True

    def rest(self, sources: Sources) -> None:
        """Read no more of partitions, until they are begun again."""
        partitions = [KafkaPartition(*source) for source in sources if source in self.reading]
        if not partitions:
            return
        self.reading -= sources_of(partitions)
        if self.is_member:
            self._consumer.pause(partitions)
        else:
            self._consumer.incremental_unassign(partitions)
            self.given -= sources_of(partitions)

    # Messages

    def take(self, limit: int, wait: float) -> list[Message]:
        """Messages and events; as soon as there is one, and what came with it.

        Args:
            limit: how many at most.
            wait: how many seconds to wait for the first.
        """
        found = self._consumer.consume(1, wait)
        if found and limit > 1:
            found += self._consumer.consume(limit - 1, 0)
        if self._failure is not None:
            raise self._failure
        return found

    def report(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the brokers how far the group has got: for those who look there, never to be read by us."""
        partitions = [KafkaPartition(*source, offset) for source, offset in offsets.items() if source in self.given]
        if not partitions or not self.is_member:
            return
        try:
            self._consumer.commit(offsets=partitions, asynchronous=True)
        except KafkaException as error:
            client_logger.debug("%s: could not report offsets: %s", self._group, described(error))

    def close(self) -> None:
        """Leave the group, and end."""
        self.given.clear()
        self.reading.clear()
        try:
            self._consumer.close()
        except Exception as error:
            client_logger.debug("%s: could not close its consumer: %s", self._group, described(error))


def placed(source: TopicPartition, position: Position) -> KafkaPartition:
    """A partition at a position; with its epoch, the client asks whether the log was cut off before it."""
    if position.epoch is None:
        return KafkaPartition(*source, position.offset)
    return KafkaPartition(*source, position.offset, leader_epoch=position.epoch)


def sources_of(partitions: Iterable[KafkaPartition]) -> set[TopicPartition]:
    """Kafka's partitions as ours."""
    return {TopicPartition(one.topic, one.partition) for one in partitions}


@contextlib.contextmanager
def may_pass(doing: str) -> Iterator[None]:
    """Errors of the client as those of a log that may be available again soon."""
    try:
        yield
    except (KafkaException, SystemError) as error:  # as which Python 3.11 has what a callback has raised
        raise unavailable(error, doing) from error
    except RuntimeError as error:  # of a consumer that is closed
        raise LogUnavailable(f"Kafka could not {doing}: {described(error)}") from error
