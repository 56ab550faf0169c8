"""Messages on their way to RabbitMQ, which confirms them without a word of their offsets.

So whoever appends messages reads them again, from the end that the stream had before: what consumers can read is on a
majority of the brokers that keep the stream. Publishers have no name, of which a stream would know only some, and each
message has an id, so that it is found again whoever else writes.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence

from ....exceptions import described
from ..exceptions import DeliveryFailed
from .base import Outgoing
from .rabbitmq_client import Chunk, ClientError, OffsetType, ServerError, led, schema
from .rabbitmq_connections import Connection, Connections
from .rabbitmq_messages import encoded

#: Bytes of a frame besides its messages, and of each message besides its data.
OF_FRAME, OF_MESSAGE = 13, 12

Outcome = int | Exception


def numbered(messages: Sequence[Outgoing]) -> list[bytes]:
    """Messages as bytes, no two of which are ever the same."""
    token = uuid.uuid4().hex
    return [encoded(one, f"{token}-{number}") for number, one in enumerate(messages)]


async def publish(
    connections: Connections, broker: schema.Broker | None, stream: str, given: Sequence[bytes]
) -> list[Outcome]:
    """Append messages to a stream, in their order; of each the offset, or what went wrong.

    Args:
        connections: the connections, whose time-out this has.
        broker: the one that leads the stream.
        stream: the stream.
        given: the messages.
    """
    offsets: list[int] = []
    refused: dict[int, DeliveryFailed] = {}
    error: Exception = DeliveryFailed("it was not sent")
    try:
        async with asyncio.timeout(connections.timeout), connections.subscriber(led(broker)) as (connection, id):
            refused = too_large(given, connection.client.frame_max)
            sent = [data for place, data in enumerate(given) if place not in refused]
            await _publish(connection, id, stream, sent, offsets)
    except (TimeoutError, OSError, ServerError, ClientError, AssertionError, DeliveryFailed) as raised:
        said = "no answer in time" if isinstance(raised, TimeoutError) else described(raised)
        error = DeliveryFailed(f"{type(raised).__name__}: {said}; it may be there all the same")
    found = iter(offsets)
    return [refused.get(place) or next(found, error) for place in range(len(given))]


def too_large(given: Sequence[bytes], frame: int) -> dict[int, DeliveryFailed]:
    """The errors of messages at which the broker would close the connection, by their places."""
    most = frame - OF_FRAME - OF_MESSAGE
    return {
        place: DeliveryFailed(f"a message of {len(data):,} bytes is larger than the {most:,} that the broker takes")
        for place, data in enumerate(given)
        if len(data) > most
    }


async def _publish(connection: Connection, id: int, stream: str, given: Sequence[bytes], offsets: list[int]) -> None:
    if not given:
        return
    came: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue()
    async with connection.publisher(stream, came.put_nowait) as publisher:
        await connection.subscribe(id, stream, schema.OffsetSpec(OffsetType.NEXT), came.put_nowait)
        try:
            first = 1
            for part in frames(given, connection.client.frame_max):
                messages = [schema.Message(number, None, data) for number, data in enumerate(part, first)]
                first += len(part)
                await connection.client.send_publish_frame(schema.Publish(publisher, messages))
            while len(offsets) < len(given):
                chunk = await came.get()
                if not isinstance(chunk, Chunk):
                    raise chunk or DeliveryFailed("the stream has moved, or the connection was lost")
                find(chunk, given, offsets)
                if len(offsets) < len(given):
                    await connection.more(id, 1)
        finally:
            await connection.unsubscribe(id)


def find(chunk: Chunk, given: Sequence[bytes], offsets: list[int]) -> None:
    """Note the offsets of those messages of a chunk that come next; others' messages lie between them."""
    for offset, data in enumerate(chunk.get_messages(), chunk.chunk_first_offset):
        if len(offsets) < len(given) and data == given[len(offsets)]:
            offsets.append(offset)


def frames(given: Sequence[bytes], most: int) -> Iterator[list[bytes]]:
    """Messages in parts that each fit into a frame of so many bytes."""
    part: list[bytes] = []
    size = OF_FRAME
    for data in given:
        if part and size + OF_MESSAGE + len(data) > most:
            yield part
            part, size = [], OF_FRAME
        part.append(data)
        size += OF_MESSAGE + len(data)
    if part:
        yield part
