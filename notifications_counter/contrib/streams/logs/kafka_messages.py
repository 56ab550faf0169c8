"""What the client gives as messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from .base import Batch, Record, Records, TopicPartition
from .kafka_client import Message


def runs_of(messages: list[Message]) -> Iterator[tuple[TopicPartition, list[Message]]]:
    """Messages of one partition that follow one another; most do."""
    for number, of_number in groupby(messages, Message.partition):
        for topic, found in groupby(of_number, Message.topic):
            yield TopicPartition(topic or "", number or 0), list(found)


def epoch_of(message: Message) -> int | None:
    """The epoch of the leader that wrote a message; None where the client does not say.

    It never falls in a partition. That of the last message is good for those before it, too: an older one would look
    like a log that was cut off where that leader ended.
    """
    epoch = message.leader_epoch()
    return None if epoch is None or epoch < 0 else epoch


class KafkaRecords(Records[Message]):
    """Messages of the client, without errors."""

    def record(self, one: Message) -> Record:
        _, moment = one.timestamp()
        headers: Any = one.headers() or ()
        return Record(
            one.offset() or 0,
            text_of(one.key()),
            one.value(),  # None of a tombstone, which differs from an empty one
            moment,
            tuple((name, value or b"") for name, value in headers),
        )

    def key_counts(self) -> Mapping[str | None, int]:
        found = Counter(map(Message.key, self.raw))
        return {text_of(key): number for key, number in found.items()}

    def values(self) -> list[bytes | None]:
        return list(map(Message.value, self.raw))


def parts_of(batch: Batch, limit: int) -> list[Batch]:
    """A batch in parts of so many messages at most."""
    records = batch.records
    if len(records) <= limit:
        return [batch]
    parts = [records[start : start + limit] for start in range(0, len(records), limit)]
    ends = [*(part[-1].offset + 1 for part in parts[:-1]), batch.next_offset]
    return [Batch(batch.source, part, end, batch.epoch) for part, end in zip(parts, ends, strict=True)]


def text_of(key: str | bytes | None) -> str | None:
    """A key as text: one that is none stops the processor at its offset, because no database takes it."""
    return key.decode(errors="surrogateescape") if isinstance(key, bytes) else key
