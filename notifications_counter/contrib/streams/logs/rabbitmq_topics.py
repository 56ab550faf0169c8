"""Topics in RabbitMQ: the streams ``TOPIC-0``, ``TOPIC-1`` and so on, named as the partitions of a super stream.

A stream does not say when it was made. So its first message is a mark, published with a name and a random number that
the broker keeps as long as the stream, also when the message is deleted: the last number of a named publisher, by which
it would recognise messages that were sent twice. All numbers of a topic together are its identity.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from .base import TopicInfo
from .rabbitmq_client import Chunk, OffsetType, StreamAlreadyExists, StreamDoesNotExist, led, schema
from .rabbitmq_connections import Connection, Connections
from .rabbitmq_messages import mark, records_of

#: The publisher whose number is the identity of a stream.
PUBLISHER = "notifications-counter"
#: So many names are asked for at a time.
AT_ONCE = 32
#: Streams that are asked at the same time.
SIDE_BY_SIDE = 64


class Found(NamedTuple):
    """The streams of a topic.

    Attributes:
        streams: number -> the broker that leads the stream; None where there is none just now.
        marks: the numbers of those that are there, 0 of one without a mark.
    """

    streams: dict[int, schema.Broker | None]
    marks: list[int]

    @property
    def is_topic(self) -> bool:
        """Whether they are a topic, and not a part of one that is being made or deleted."""
        return bool(self.marks) and sorted(self.streams) == list(range(len(self.streams))) and 0 not in self.marks

    def info(self, name: str) -> TopicInfo:
        """What is known of the topic."""
        uid = hashlib.sha256(",".join(map(str, self.marks)).encode()).hexdigest()[:32]
        return TopicInfo(name, len(self.streams), uid)


def stream_of(topic: str, number: int) -> str:
    """The stream that is a partition."""
    return f"{topic}-{number}"


async def streams_of(connections: Connections, topic: str) -> Found:
    """The streams of a topic, also where they are none.

    Args:
        connections: the connections.
        topic: the topic.
    """
    streams: dict[int, schema.Broker | None] = {}
    for start in range(0, 1_000_000, AT_ONCE):
        names = {stream_of(topic, number): number for number in range(start, start + AT_ONCE)}
        found = await connections.leaders(list(names))
        streams |= {names[name]: broker for name, broker in found.items()}
        if len(found) < AT_ONCE:
            break
    client = (await connections.first()).client
    wanted = [stream_of(topic, number) for number in sorted(streams)]
    marks = await asyncio.gather(*(client.query_publisher_sequence(name, PUBLISHER) for name in wanted))
    return Found(dict(sorted(streams.items())), marks)


async def make(connections: Connections, topic: str, numbers: range, arguments: Mapping[str, Any]) -> None:
    """Make the streams of a topic, the first one last: until then they are none.

    Args:
        connections: the connections.
        topic: the topic.
        numbers: the numbers of those that are not there.
        arguments: of the streams.

    Raises:
        StreamAlreadyExists: another process has made one meanwhile.
    """
    client = (await connections.first()).client
    made = []
    try:
        for number in reversed(numbers):
            await client.create_stream(stream_of(topic, number), dict(arguments))
            made.append(stream_of(topic, number))
    except StreamAlreadyExists:
        for name in made:
            with contextlib.suppress(StreamDoesNotExist):
                await client.delete_stream(name)
        raise


async def set_mark(connections: Connections, stream: str, broker: schema.Broker) -> None:
    """Give a stream an identity.

    Args:
        connections: the connections.
        stream: the stream.
        broker: the one that leads it.
    """
    number = secrets.randbelow(1 << 62) + (1 << 62)  # beyond what counts messages
    async with connections.subscriber(broker) as (connection, id):
        async with connection.publisher(stream, lambda said: None, PUBLISHER) as publisher:
            message = schema.Message(number, None, mark(str(number)))
            await connection.client.send_publish_frame(schema.Publish(publisher, [message]))
            while not await connection.client.query_publisher_sequence(stream, PUBLISHER):
                await asyncio.sleep(0.01)
        await edge(connection, id, stream, OffsetType.LAST)  # it can be read now


async def edge(connection: Connection, id: int, stream: str, which: OffsetType) -> Chunk:
    """The first or the last chunk of a stream, in which there is one since it was marked.

    Args:
        connection: to the broker that leads the stream.
        id: a number for a subscription.
        stream: the stream.
        which: ``OffsetType.FIRST`` or ``OffsetType.LAST``.

    Raises:
        StreamDoesNotExist: it was deleted.
    """
    came: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue()
    try:
        await connection.subscribe(id, stream, schema.OffsetSpec(which), came.put_nowait, credit=1)
        chunk = await came.get()
    finally:
        await connection.unsubscribe(id)
    if isinstance(chunk, Chunk):
        return chunk
    raise chunk or StreamDoesNotExist()


async def begin_of(connection: Connection, id: int, stream: str) -> int:
    """The offset of the first message that a stream keeps, or would have."""
    chunk = await edge(connection, id, stream, OffsetType.FIRST)
    first = next(records_of(chunk), None)
    return chunk.chunk_first_offset + chunk.num_records if first is None else first.offset


async def end_of(connection: Connection, id: int, stream: str) -> int:
    """The offset that the next message of a stream gets."""
    chunk = await edge(connection, id, stream, OffsetType.LAST)
    return int(chunk.chunk_first_offset + chunk.num_records)


async def offsets_of(connections: Connections, topic: str, found: Found, ask: Any) -> dict[int, int]:
    """An offset in each partition.

    Args:
        connections: the connections.
        topic: the topic.
        found: its streams.
        ask: ``begin_of`` or ``end_of``.
    """
    room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def of(number: int, broker: schema.Broker | None) -> int:
        async with room, connections.subscriber(led(broker)) as (connection, id):
            return int(await ask(connection, id, stream_of(topic, number)))

    offsets = await asyncio.gather(*(of(number, broker) for number, broker in found.streams.items()))
    return dict(zip(found.streams, offsets, strict=True))
