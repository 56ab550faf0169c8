"""Reads partitions of RabbitMQ from offsets that are stored in the database.

The broker says nothing where an offset is gone or not there yet: it begins with what it has. So the ends of each stream
and the identity of its topic are asked for *after* it has been subscribed to; and a subscription, which ends with its
stream, is never continued by another one without asking again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from ..exceptions import OffsetGone, TopicReplaced
from .base import Batch, Position, Reader, Record, TopicPartition
from .rabbitmq_client import Chunk, OffsetType, led, schema
from .rabbitmq_connections import CREDIT, Connection, Connections, RabbitMQ
from .rabbitmq_messages import records_of
from .rabbitmq_topics import PUBLISHER, begin_of, end_of, offsets_of, stream_of, streams_of

if TYPE_CHECKING:
    from .rabbitmq import RabbitMQLog

#: Seconds that one wait may take: ``stopped`` is asked in between.
WAIT = 0.1


class Source:
    """A partition that is being read.

    Args:
        stream: its stream.
        rabbitmq: the thread of the connections.
        broker: the one that leads the stream.
        begin: the offset of the next message.
        news: set when something comes.
    """

    def __init__(
        self, stream: str, rabbitmq: RabbitMQ, broker: schema.Broker, begin: int, news: threading.Event
    ) -> None:
        self.stream = stream
        self.rabbitmq = rabbitmq
        self.broker = broker
        self.connection: Connection | None = None
        self.next = begin
        self.is_open = True
        self.opened = asyncio.Event()
        self._chunks: deque[Chunk] = deque()
        self._records: deque[Record] = deque()
        self._news = news
        self._end = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._id: int | None = None
        self._error: Exception | None = None

    # In the thread of the connections

    async def run(self) -> None:
        """Have a subscription, until it is told to end."""
        try:
            async with self.rabbitmq.connections.subscriber(self.broker, "lasts") as (connection, self._id):
                self.connection = connection
                begin = schema.OffsetSpecOffset(OffsetType.OFFSET, self.next)
                await connection.subscribe(self._id, self.stream, begin, self._put, CREDIT)
                self.opened.set()
                await self._end.wait()
                await connection.unsubscribe(self._id)
        except Exception as error:
            self._error = error
        finally:
            self._close()
            self.opened.set()

    def _put(self, said: Chunk | Exception | None) -> None:
        if isinstance(said, Chunk):
            self._chunks.append(said)
            self._news.set()
        else:
            self._close()

    def _close(self) -> None:
        self.is_open = False
        self._news.set()
        self._end.set()

    async def end(self) -> None:
        """Let it end."""
        self._end.set()

    async def check(self) -> None:
        """End the connection, if the broker does not answer."""
        assert self.connection is not None
        question = self.connection.client.query_publisher_sequence(self.stream, PUBLISHER)
        try:
            await asyncio.wait_for(question, self.rabbitmq.timeout)
        except Exception:
            self.connection.end()

    async def has_opened(self) -> None:
        """Wait until it is subscribed.

        Raises:
            Exception: what went wrong.
        """
        await self.opened.wait()
        if self._error is not None:
            raise self._error

    # In the thread of the reader

    @property
    def has_something(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._records or self._chunks)

    def take(self, limit: int, on_gap: Callable[[int], object]) -> tuple[list[Record], int]:
        """So many messages at most, and the offset behind them.

        Args:
            limit: how many.
            on_gap: called with the offset of the next message, where there are none between it and what comes.
        """
        taken = 0
        while len(self._records) < limit and self._chunks:
            chunk = self._chunks.popleft()
            taken += 1
            if chunk.chunk_first_offset > self.next:
                on_gap(self.next)
            self._records += records_of(chunk, self.next)
            self.next = max(self.next, chunk.chunk_first_offset + chunk.num_records)
        if taken and self.connection is not None and self._id is not None and self.is_open:
            self.rabbitmq.start_asking(self.connection.more(self._id, taken))
        found = [self._records.popleft() for _ in range(min(limit, len(self._records)))]
        return found, self._records[0].offset if self._records else self.next


class RabbitMQReader(Reader):
    """Reads streams.

    Args:
        log: the log.
        group: who reads.
    """

    def __init__(self, log: RabbitMQLog, group: str) -> None:
        self.log = log
        self.group = group
        self.positions: dict[TopicPartition, Position] = {}
        self._sources: dict[TopicPartition, Source] = {}
        self._turns: deque[TopicPartition] = deque()
        self._news = threading.Event()
        self._heard = time.monotonic()

    # Positions

    def assign(self, positions: Mapping[TopicPartition, Position]) -> None:
        self._drop(self.positions.keys() - positions.keys())
        self.positions = {source: self.positions.get(source, position) for source, position in positions.items()}
        self._turns = deque(self.positions)

    def seek(self, source: TopicPartition, offset: int) -> None:
        self._drop({source})
        self.positions[source] = self.positions[source]._replace(offset=offset)

    def _drop(self, sources: set[TopicPartition]) -> None:
        for source in sources & self._sources.keys():
            one = self._sources.pop(source)
            one.rabbitmq.start_asking(one.end())

    def close(self) -> None:
        self._drop(set(self._sources))

    # Messages

    def poll(self, limit: int, timeout: float, stopped: Callable[[], bool] = lambda: False) -> Batch | None:
        give_up = time.monotonic() + timeout
        try:
            while (batch := self._next(limit)) is None:
                left = give_up - time.monotonic()
                if left <= 0 or stopped():
                    return None
                self._news.wait(min(WAIT, left))
        except BaseException:  # what was taken meanwhile is lost: begin again where the positions are
            self.close()
            raise
        self.positions[batch.source] = self.positions[batch.source]._replace(offset=batch.next_offset)
        return batch

    def _next(self, limit: int) -> Batch | None:
        """The next messages of the partition whose turn it is."""
        self._news.clear()
        self._open()
        self._check()
        for _ in range(len(self._turns)):
            source = self._turns[0]
            self._turns.rotate(-1)
            one = self._sources[source]
            if one.has_something:
                self._heard = time.monotonic()
                begin = self.positions[source].offset
                records, after = one.take(limit, partial(self._refuse_gap, source))
                if after > begin:
                    return Batch(source, records, after)
        return None

    def _refuse_gap(self, source: TopicPartition, offset: int) -> None:
        """Refuse to pass messages that were deleted; offsets of the broker's own notes are passed.

        Raises:
            OffsetGone: there were messages, or nobody can say.
        """
        begin = self.log.begins(source.topic).get(source.partition, 0)
        if begin > offset:
            raise OffsetGone(self.group, *source, offset, begin)

    # Subscriptions

    def _open(self) -> None:
        """Subscribe to what is not being read, from where it stands.

        Raises:
            TopicReplaced: its topic is another one.
            OffsetGone: there is no such offset.
            UnknownTopic: the topic is not there.
        """
        ended = {source for source, one in self._sources.items() if not one.is_open}
        self._drop(ended)
        missing = {source: at for source, at in self.positions.items() if source not in self._sources}
        if not missing:
            return
        for topic in {source.topic for source in missing}:
            self.log.topic(topic)
        rabbitmq = self.log.rabbitmq
        made: dict[TopicPartition, Source] = {}
        try:
            rabbitmq.ask("read messages", self._opened(rabbitmq, missing, made), 3 * rabbitmq.timeout)
        except BaseException:
            for one in made.values():
                rabbitmq.start_asking(one.end())
            raise
        self._sources |= made
        self._heard = time.monotonic()

    async def _opened(
        self, rabbitmq: RabbitMQ, missing: Mapping[TopicPartition, Position], made: dict[TopicPartition, Source]
    ) -> None:
        connections = rabbitmq.connections
        for topic in {source.topic for source in missing}:
            found = await streams_of(connections, topic)
            for source in [source for source in missing if source.topic == topic]:
                broker, begin = led(found.streams.get(source.partition)), missing[source].offset
                made[source] = Source(stream_of(*source), rabbitmq, broker, begin, self._news)
                made[source].task = asyncio.create_task(made[source].run())
        await asyncio.gather(*(one.has_opened() for one in made.values()))
        await self._refuse_replaced(connections, missing)
        await self._refuse_gone(connections, missing)

    async def _refuse_replaced(self, connections: Connections, positions: Mapping[TopicPartition, Position]) -> None:
        uids = {
            topic: (await streams_of(connections, topic)).info(topic).uid
            for topic in {source.topic for source in positions}
        }
        for source, position in sorted(positions.items()):
            if position.uid != uids[source.topic]:
                raise TopicReplaced(self.group, *source, position.offset)

    async def _refuse_gone(self, connections: Connections, positions: Mapping[TopicPartition, Position]) -> None:
        for topic in {source.topic for source in positions}:
            found = await streams_of(connections, topic)
            begins = await offsets_of(connections, topic, found, begin_of)
            ends = await offsets_of(connections, topic, found, end_of)
            for source, position in sorted(positions.items()):
                begin = begins.get(source.partition, 0)
                if source.topic == topic and not begin <= position.offset <= ends.get(source.partition, 0):
                    raise OffsetGone(self.group, *source, position.offset, begin)

    def _check(self) -> None:
        """Where nothing was heard for the time of a question, ask connections whether they are there."""
        if time.monotonic() < self._heard + self.log.timeout:
            return
        self._heard = time.monotonic()
        one_of_each = {id(one.connection): one for one in self._sources.values()}
        for one in one_of_each.values():
            one.rabbitmq.ask("read messages", one.check(), 2 * one.rabbitmq.timeout)
