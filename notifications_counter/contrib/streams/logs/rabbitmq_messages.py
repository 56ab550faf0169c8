"""Messages as RabbitMQ has them: AMQP 1.0, as its clients write it.

The key is the property ``group-id``, the value the body, the timestamp ``creation-time``; headers are application
properties. What AMQP cannot say is an annotation: that a message is a tombstone, and headers two of which have one
name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .base import Headers, Outgoing, Record
from .rabbitmq_client import AMQPMessage, Chunk, Properties, amqp_decoder

TOMBSTONE, HEADERS, MARK = "x-opt-tombstone", "x-opt-headers", "x-opt-topic"


def encoded(one: Outgoing, id: str) -> bytes:
    """The bytes of a message.

    Args:
        one: the message.
        id: its ``message-id``, by which it is found again.
    """
    annotations: dict[str, Any] = {} if one.value is not None else {TOMBSTONE: True}
    headers = dict(one.headers)
    if len(headers) < len(one.headers):
        annotations[HEADERS] = json.dumps([(name, value.decode("latin-1")) for name, value in one.headers])
        headers = {}
    return bytes(
        AMQPMessage(
            body=one.value,
            properties=Properties(message_id=id, group_id=one.key, creation_time=one.timestamp),
            application_properties=headers,
            message_annotations=annotations,
        )
    )


def mark(id: str) -> bytes:
    """The first message of a stream that is a partition of a topic: says that it is one, and is no message."""
    return bytes(AMQPMessage(properties=Properties(message_id=id), message_annotations={MARK: True}))


def records_of(chunk: Chunk, begin: int = 0) -> Iterator[Record]:
    """The messages of a chunk, from an offset on.

    Args:
        chunk: what the broker has sent.
        begin: the offset.
    """
    for offset, data in enumerate(chunk.get_messages(), chunk.chunk_first_offset):
        if offset >= begin:
            record = record_of(offset, bytes(data), chunk.timestamp)
            if record is not None:
                yield record


def record_of(offset: int, data: bytes, moment: int) -> Record | None:
    """A message as every log has it; None for a mark.

    What is no AMQP is a message without a key, which stops the processor at its offset.

    Args:
        offset: its offset.
        data: its bytes.
        moment: when the broker has written it, for messages that do not say when they were made.
    """
    try:
        found = amqp_decoder(data)
        annotations = {text(name): value for name, value in (found.message_annotations or {}).items()}
        if MARK in annotations:
            return None
        given = found.properties or Properties()
        key = None if given.group_id is None else text(given.group_id)
        body = None if TOMBSTONE in annotations else bytes(found.body or b"")
        timestamp = moment if given.creation_time is None else int(given.creation_time)
        return Record(offset, key, body, timestamp, headers_of(found, annotations))
    except Exception:  # of whichever kind: the decoder goes by the bytes without looking
        return Record(offset, None, data, moment)


def headers_of(found: Any, annotations: dict[str, Any]) -> Headers:
    """The headers of a message."""
    if HEADERS in annotations:
        return tuple((name, value.encode("latin-1")) for name, value in json.loads(annotations[HEADERS]))
    properties = found.application_properties or {}
    return tuple((text(name), _bytes(value)) for name, value in properties.items())


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def text(value: Any) -> str:
    """What the decoder has as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
