"""A chunk: messages of one partition, applied together with the offset behind them, in one transaction."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections, transaction

from ...dialects import dialect_of
from ...exceptions import BufferUnavailable, described
from . import progress
from .codecs import Codec, can_decode_all
from .context import Context
from .exceptions import ProcessingFailed, StreamError
from .logs.base import Outgoing, Record, TopicPartition, key_counts_of, values_of
from .partitioners import murmur2
from .processor import Process, Processor
from .tables import OpenCounts

Records = Sequence[Record]


class BadMessage(Exception):
    """A message of a chunk cannot be processed; nothing of the chunk was applied.

    Args:
        place: its place in the chunk; None where it cannot be determined.
        error: what went wrong.
    """

    def __init__(self, place: int | None, error: Exception) -> None:
        super().__init__(place, error)
        self.place = place
        self.error = error


class Chunk:
    """Messages of one partition, one after the other.

    Args:
        processor: the processor.
        source: the partition.
        generation: the one with which this member has it.
        before: the offset at which the group stands.
        rate: messages a second, lately.
        epoch: as of ``Position``.
    """

    def __init__(
        self,
        processor: Processor,
        source: TopicPartition,
        *,
        generation: int,
        before: int,
        rate: float = 0,
        epoch: int | None = None,
    ) -> None:
        self.processor = processor
        self.source = source
        self.generation = generation
        self.before = before
        self.rate = rate
        self.epoch = epoch

    def apply(self, records: Records, after: int) -> None:
        """Apply messages, and move the offset behind them.

        Args:
            records: the messages.
            after: the offset that the group stands at then.

        Raises:
            ProcessingFailed: a message cannot be processed. Those before it were applied.
            Fenced: another member has the partition. Nothing was applied.
            DeliveryFailed: the log does not take what is to be emitted. Nothing was applied.
            BufferUnavailable: the counter's Redis does not answer. Nothing was applied.
        DatabaseError: the database failed. Whether this was applied, the progress row says.
        """
        waiting = [(records, after)]
        while waiting:
            records, after = waiting.pop()
            try:
                self._apply(records, after)
            except BadMessage as bad:
                waiting += reversed(self._parts(records, after, bad))

    def _parts(self, records: Records, after: int, bad: BadMessage) -> list[tuple[Records, int]]:
        """What is to be applied instead, so that a message that cannot be processed stands alone in the end."""
        if len(records) == 1:
            if self.processor.dead_letters is None:
                offset = records[0].offset
                raise ProcessingFailed(self.processor.group, *self.source, offset, bad.error) from bad.error
            self._bury(records[0], after, bad.error)
            return []
        cuts = [len(records) // 2] if bad.place is None else [bad.place, bad.place + 1]
        ends = [0, *cuts, len(records)]
        parts = [(records[start:end], end) for start, end in itertools.pairwise(ends) if start < end]
        return [(part, records[end].offset if end < len(records) else after) for part, end in parts]

    def _apply(self, records: Records, after: int) -> None:
        if after == self.before:
            return
        with transaction.atomic(self.processor.using):
            # First, so that whoever has lost the partition does nothing at all.
            self._advance(len(records), after)
            if records:  # otherwise the offset only passes what is no message
                self._process(records)
        self.before = after

    def _advance(self, messages: int, after: int) -> None:
        given: Any = {"generation": self.generation, "messages": messages, "rate": self.rate, "epoch": self.epoch}
        progress.advance(self.processor, self.source, self.before, after, **given)

    def _process(self, records: Records) -> None:
        context = Context(self.processor, self.source, records)
        process = self.processor.process_of(self.source.topic)
        if process is None:
            self._count(context, records)
        else:
            self._call(process, context, records)
        self._write(context, records)
        self._send(context)

    def _count(self, context: Context, records: Records) -> None:
        """Count each message once for its key."""
        codec, window = self.processor.codecs[self.source.topic], self.processor.window
        table = context.table
        assert isinstance(table, OpenCounts)
        counts: Mapping[Any, int] = key_counts_of(records)
        if None in counts or not can_decode_all(codec, values_of(records)):
            self._refuse_bad(codec, records)
        if window is not None:
            counts = collections.Counter((record.key, window.start(record.timestamp)) for record in records)
        table.count(counts)

    def _refuse_bad(self, codec: Codec, records: Records) -> None:
        """Refuse the first message that has no key, or that the codec cannot decode."""
        for place, record in enumerate(records):
            try:
                key_of(record)
                if record.value is not None:
                    codec.decode(record.value)
            except Exception as error:
                raise BadMessage(place, error) from error

    def _call(self, process: Process, context: Context, records: Records) -> None:
        """Call the process function with each message."""
        decode = self.processor.codecs[self.source.topic].decode
        for place, record in enumerate(records):
            try:
                context.key, context.offset, context.record = key_of(record), record.offset, record
                process(context, None if record.value is None else decode(record.value))
            except Exception as error:
                if self._may_pass(error):
                    raise
                raise BadMessage(place, error) from error

    def _write(self, context: Context, records: Records) -> None:
        if self.processor.table is None:
            return
        try:
            context.table.write()
            if self.processor.changes is not None:
                context.emitted[self.processor.changes.topic] = self._changes(context, records)
        except Exception as error:
            if self._may_pass(error):
                raise
            raise BadMessage(None, error) from error

    def _may_pass(self, error: Exception) -> bool:
        """Whether it is a server that has failed, and may work again: no message is to blame."""
        dialect = dialect_of(connections[self.processor.using])
        return isinstance(error, BufferUnavailable) or (isinstance(error, DatabaseError) and dialect.may_pass(error))

    # What is emitted

    def _changes(self, context: Context, records: Records) -> list[Outgoing]:
        """The new values of the keys that have changed, in the table as it is now."""
        table = self.processor.table
        assert table is not None
        encode, moment = self.processor.changes_codec.encode, records[-1].timestamp
        keys = {table.key(key): key for key in context.table.changed}
        values = table.read(keys)
        return [
            Outgoing(-1, str(key), None if values.get(pk) is None else encode(values[pk]), moment)
            for pk, key in keys.items()
        ]

    def _send(self, context: Context) -> None:
        for topic, messages in sorted(context.emitted.items()):
            number = self.processor.log.topic(topic).partitions
            partition = self.processor.partitioners[topic]
            placed = [one._replace(partition=partition(one.key or "", number)) for one in messages]
            self.processor.log.append(topic, placed)

    def _bury(self, record: Record, after: int, error: Exception) -> None:
        """Put a message that cannot be processed into the topic for such, and go on behind it."""
        topic = self.processor.dead_letters
        assert topic is not None
        said = {
            "topic": self.source.topic,
            "partition": self.source.partition,
            "offset": record.offset,
            "error": f"{type(error).__name__}: {described(error)}",
        }
        headers = (*record.headers, *((f"dead-letter-{name}", str(value).encode()) for name, value in said.items()))
        number = self.processor.log.topic(topic).partitions
        letter = Outgoing(murmur2(record.key or "", number), record.key, record.value, record.timestamp, headers)
        with transaction.atomic(self.processor.using):
            self._advance(1, after)
            self.processor.log.append(topic, [letter])
        self.before = after


def key_of(record: Record) -> str:
    """The key of a message.

    Raises:
        StreamError: it has none.
    """
    if record.key is None:
        raise StreamError("The message has no key.")
    return record.key
