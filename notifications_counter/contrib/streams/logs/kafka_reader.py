"""Reads partitions of Kafka from offsets that are stored in the database."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

from ....exceptions import InvalidSettings
from ..conf import NAME
from ..exceptions import LogTruncated, LogUnavailable, OffsetGone, TopicReplaced
from .base import Batch, Log, Position, Reader, TopicPartition
from .kafka_client import KafkaError, KafkaException, Message, client_logger, said, unavailable
from .kafka_consumer import KafkaConsumer, may_pass
from .kafka_messages import KafkaRecords, epoch_of, parts_of, runs_of

#: Seconds that one call of the client may take: no handler of a signal runs meanwhile.
WAIT = 0.1
#: Messages that are taken from the client together, as far as they are there, so that partitions can take turns: at
#: first, and at most; and the seconds in which they should be processed, because no partition comes or goes meanwhile.
FIRST, AT_ONCE = 100, 10_000
ROUND = 0.5
#: Seconds between two reports of how far the group has got.
REPORT_EVERY = 5.0

#: What the client mends by itself.
PASSING = {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._MAX_POLL_EXCEEDED, KafkaError._TIMED_OUT}
UNSUPPORTED = {KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION}
UNKNOWN = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}


class KafkaReader(Reader):
    """Reads partitions of a cluster.

    Args:
        log: the cluster.
        group: who reads.
        client: the settings of the client.
        protocol: by which groups share partitions; None for whichever the brokers have.
    """

    def __init__(self, log: Log, group: str, client: Mapping[str, Any], protocol: str | None) -> None:
        self.log = log
        self.group = group
        self.client = client
        self.protocol = protocol or "consumer"
        self._may_fall_back = protocol is None
        self.positions: dict[TopicPartition, Position] = {}
        self._later: set[TopicPartition] = set()  # which are begun when others, which are new, have had a turn
        self._topics: list[str] = []
        self._consumer: KafkaConsumer | None = None
        self._batches: deque[Batch] = deque()
        self._at_once, self._took, self._took_at = FIRST, 0, 0.0
        self._applied: dict[TopicPartition, int] = {}
        self._reported = 0.0

    # As a member of a group

    def join(self, topics: Iterable[str]) -> None:
        self._topics = sorted(topics)

    def given(self) -> set[TopicPartition]:
        self.has_news = False
        return set() if self._consumer is None else set(self._consumer.given)

    def _changed(self, gone: set[TopicPartition]) -> None:
        """Called inside of the client."""
        if gone:
            self._report()
            self._drop(gone)
        self.has_news = True

    def applied(self, source: TopicPartition, offset: int) -> None:
        self._applied[source] = offset
        if time.monotonic() >= self._reported + REPORT_EVERY:
            self._report()

    def _report(self) -> None:
        applied, self._applied = self._applied, {}
        self._reported = time.monotonic()
        if self._consumer is not None:
            self._consumer.report(applied)

    # Positions

    def assign(self, positions: Mapping[TopicPartition, Position]) -> None:
        self._refuse_replaced({source: at for source, at in positions.items() if source not in self.positions})
        again = self.positions.keys() - positions.keys()
        if positions.keys() - self.positions.keys():
            # What the client has read ahead of the others would come before the first message of those that are new,
            # and so would what it reads ahead now, if it began with both.
            again = self._later = set(self.positions)
        self.positions = {source: self.positions.get(source, position) for source, position in positions.items()}
        self._rest(again)

    def seek(self, source: TopicPartition, offset: int) -> None:
        self.positions[source] = self.positions[source]._replace(offset=offset, epoch=None)
        self._rest({source})

    def _rest(self, sources: set[TopicPartition]) -> None:
        self._drop(sources)
        if self._consumer is not None:
            with self._closing_on_error(), may_pass("pause partitions"):
                self._consumer.rest(sources)

    def _drop(self, sources: set[TopicPartition]) -> None:
        self._batches = deque(batch for batch in self._batches if batch.source not in sources)

    def _refuse_replaced(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Refuse positions in topics that are gone.

        Raises:
            TopicReplaced: there are some.
            UnknownTopic: there is no topic of that name either.
        """
        uids = {topic: self.log.topic(topic).uid for topic in {source.topic for source in positions}}
        for source, position in sorted(positions.items()):
            if position.uid != uids[source.topic]:
                raise TopicReplaced(self.group, *source, position.offset)

    # Messages

    def poll(self, limit: int, timeout: float, stopped: Callable[[], bool] = lambda: False) -> Batch | None:
        give_up = time.monotonic() + timeout
        while not self._batches:
            left = give_up - time.monotonic()
            with self._closing_on_error():
                self._fetch(limit, min(WAIT, max(0.0, left)))
            if self.has_news and self._topics:
                return None
            if not self._batches and (left <= 0 or stopped()):
                return None
        batch = self._batches.popleft()
        at = self.positions[batch.source]
        self.positions[batch.source] = at._replace(offset=batch.next_offset, epoch=batch.epoch)
        return batch

    def _fetch(self, limit: int, wait: float) -> None:
        """Take messages, and make sure afterwards that they are from the topics that are meant.

        A topic that is made anew has another identity, and none that is gone comes back: what was taken before
        the identity was asked for is of that topic.
        """
        with may_pass("read messages"):
            consumer, later = self._opened(), self._later
            consumer.begin({source: at for source, at in self.positions.items() if source not in later})
            messages = consumer.take(max(limit, self._size()), WAIT if later else wait)
            self._later = set()
        self._took, self._took_at = len(messages), time.monotonic()
        taken: dict[TopicPartition, list[Message]] = {}
        for source, found in runs_of(messages):
            if any(map(Message.error, found)):
                found = [one for one in found if not self._is_answered(one)]
            if found and source in consumer.reading and source in self.positions:
                taken.setdefault(source, []).extend(found)
        batches = [batch for source, found in taken.items() if (batch := self._batch(source, found))]
        self._refuse_replaced({batch.source: self.positions[batch.source] for batch in batches})
        parts = zip_longest(*(parts_of(batch, limit) for batch in batches))
        self._batches += [part for turn in parts for part in turn if part is not None]

    def _size(self) -> int:
        """How many messages to take: as many as are processed in a ``ROUND``, by how long those before have taken."""
        if self._took and time.monotonic() > self._took_at + ROUND:
            self._at_once = max(1, self._at_once // 2)
        elif self._took >= self._at_once:
            self._at_once = min(AT_ONCE, 2 * self._at_once)
        return self._at_once

    def _batch(self, source: TopicPartition, messages: list[Message]) -> Batch | None:
        """What was read of one partition; None if that was only its end, which was known."""
        begin, _, epoch = self.positions[source]
        end = begin
        if any(map(Message.error, messages)):
            # Of an end, the offset behind what is there, also behind what is no message.
            end = max(begin, *(one.offset() or 0 for one in messages if one.error() is not None))
            messages = [one for one in messages if one.error() is None]
        if messages and (messages[0].offset() or 0) < begin:
            messages = [one for one in messages if (one.offset() or 0) >= begin]
        if messages:
            end, epoch = max(end, (messages[-1].offset() or 0) + 1), epoch_of(messages[-1])
        return Batch(source, KafkaRecords(messages), end, epoch) if end > begin else None

    def _is_answered(self, message: Message) -> bool:
        """Whether it is no message, nor the end of a partition, but an error, which has been answered."""
        error = message.error()
        if error is None or error.code() == KafkaError._PARTITION_EOF:
            return False
        self._answer(error, message)
        return True

    def _answer(self, error: KafkaError, message: Message) -> None:
        """Do what an error demands that comes in the place of a message.

        Raises:
            OffsetGone: the offset is not there.
            LogTruncated: other messages are there.
            TopicReplaced: because the topic is another one.
            UnknownTopic: the topic is not there.
            LogUnavailable: it may pass with another consumer.
        """
        code, topic = error.code(), message.topic()
        if code == KafkaError._AUTO_OFFSET_RESET and topic is not None:
            source = TopicPartition(topic, message.partition() or 0)
            position = self.positions.get(source)
            if position is not None:
                self._refuse_replaced({source: position})
                begin = self.log.begins(topic).get(source.partition, 0)
                end = self.log.ends(topic).get(source.partition, 0)
                if position.epoch is not None and begin <= position.offset <= end:
                    raise LogTruncated(self.group, *source, position.offset, position.epoch)
                raise OffsetGone(self.group, *source, position.offset, begin)
        if code in UNKNOWN and topic is not None:
            self.log.topic(topic)
        if self._falls_back(error):
            raise LogUnavailable(f"{self.group}: these brokers have no groups as of KIP-848: it becomes a classic one.")
        # Of fatal errors, fatal() says that they are none where they come in the place of a message.
        if code == KafkaError._FATAL or error.fatal() or not (error.retriable() or code in PASSING):
            raise unavailable(KafkaException(error), "read messages")
        client_logger.debug("%s: %s", self.group, said(error))

    def _falls_back(self, error: KafkaError) -> bool:
        """Whether the brokers lack the newer protocol, and another consumer is to use the older one."""
        has_other = self.protocol == "consumer" and self._may_fall_back
        # The client has the code of what is fatal, but tells nobody.
        is_lacking = error.code() in UNSUPPORTED or "API version not supported" in error.str()
        if not has_other or not is_lacking:
            return False
        self.protocol = "classic"
        return True

    # The consumer

    def _opened(self) -> KafkaConsumer:
        if self._consumer is None:
            try:
                self._consumer = KafkaConsumer(self.client, self.group, self._topics, self.protocol, self._changed)
            except KafkaException as error:  # asks no broker yet
                where = f"{NAME}['LOGS'][{self.log.alias!r}]['OPTIONS']['CLIENT']"
                raise InvalidSettings(f"{where}: {said(error)}") from error
        return self._consumer

    @contextmanager
    def _closing_on_error(self) -> Iterator[None]:
        """Never use a consumer on after an exception: messages that it had taken may be lost."""
        try:
            yield
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._batches.clear()
        self.has_news = True
        if consumer is not None:
            consumer.close()

    def close(self) -> None:
        self._report()
        self._close()
