"""What a process function is given besides the message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import models

from ...exceptions import InvalidSettings, quoted, unknown
from .emitting import checked_key, encoded, milliseconds, pairs
from .logs.base import Outgoing, Record, TopicPartition
from .processor import Processor
from .tables import OpenLookup, OpenTable, Table, table_of


class Context:
    """The context of a message, good until the process function returns. Only its own thread may use it.

    Attributes:
        topic: the topic that the message comes from.
        partition: its partition.
        key: its key.
        offset: its offset.
        record: the message as the log has it.
        emitted: topic -> what is to be emitted with the chunk.
    """

    topic: str
    partition: int
    key: str
    offset: int

    def __init__(self, processor: Processor, source: TopicPartition, records: Sequence[Record]) -> None:
        self.topic, self.partition = source
        self._processor = processor
        self._records = records
        window, keys = processor.window, self._keys()
        if window is not None:
            keys = ((one.key, window.start(one.timestamp)) for one in records if one.key is not None)
        self._table: OpenTable | None = None if processor.table is None else processor.table.open(keys)
        self._lookups: dict[type[models.Model], OpenLookup] = {}
        self.record: Record
        self.emitted: dict[str, list[Outgoing]] = {}

    def _keys(self) -> Iterable[Any]:
        """The keys of the chunk's messages, which nobody may ever ask for."""
        return (one.key for one in self._records if one.key is not None)

    @property
    def timestamp(self) -> datetime:
        """When the message was emitted, as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.record.timestamp / 1000, UTC)

    @property
    def headers(self) -> dict[str, bytes]:
        """The headers of the message; of a name that occurs more than once the last one."""
        return dict(self.record.headers)

    # The table

    @property
    def table(self) -> OpenTable:
        """The group's table.

        Raises:
            InvalidSettings: it has none.
        """
        if self._table is None:
            raise InvalidSettings(f"The processor {quoted(self._processor.group)} has no table: give it table=.")
        return self._table

    @property
    def value(self) -> Any:
        """The key's value in the table, which is the count, the value of the only field, or a dictionary of fields.

        None where it has no row yet. Earlier messages, also of the same chunk, are included.
        """
        return self.table.get(self._table_key())

    def set_value(self, value: Any) -> None:
        """Give the key a value in the table.

        Args:
            value: as ``value`` gives it; fields that are left out get their defaults. None deletes the row.

        Raises:
            ValueError: it is no value of the table.
        """
        self.table.set(self._table_key(), value)

    def add(self, amount: int = 1) -> None:
        """Add to the key's count, in a table of counts.

        Args:
            amount: how much.

        Raises:
            TypeError: it is no table of counts.
            ValueError: it is no integer.
        """
        self.table.add(self._table_key(), amount)

    def _table_key(self) -> Any:
        window = self._processor.window
        return self.key if window is None else (self.key, window.start(self.record.timestamp))

    def lookup(self, model: type[models.Model], key: Any = None) -> Any:
        """What another model has for a key, such as the table of another group.

        With the key of the message, rows of all messages of the chunk are read at once.

        Args:
            model: one of the processor's ``lookups``.
            key: the key; that of the message without it.

        Returns:
            As ``value``; None where it has no row.

        Raises:
            InvalidSettings: the model is none of the lookups.
        """
        if model not in self._processor.lookups:
            raise InvalidSettings(f"{quoted(model)} is none of the lookups of {quoted(self._processor.group)}.")
        if model not in self._lookups:
            table: Table = table_of(model, self._processor.using)
            self._lookups[model] = OpenLookup(table, self._keys() if key is None else ())
        return self._lookups[model].get(self.key if key is None else key)

    # Messages

    def emit(
        self,
        topic: str,
        key: str,
        value: Any,
        *,
        headers: Mapping[str, str | bytes] | None = None,
        timestamp: datetime | int | None = None,
    ) -> None:
        """Emit a message with the chunk: in its transaction, where the log is in the same database, else before it.

        Args:
            topic: one of the processor's ``outputs``.
            key: the key.
            value: the value; None for a tombstone.
            headers: name -> text or bytes.
            timestamp: an aware datetime, or milliseconds since 1970; that of the message without it.

        Raises:
            InvalidSettings: the topic is none of the outputs.
            InvalidMessage: the key, the value, a header or the timestamp cannot be used.
        """
        codec = self._processor.output_codecs.get(topic)
        if codec is None:
            raise InvalidSettings(
                f"{quoted(self._processor.group)}: {unknown('output', topic, self._processor.outputs)}"
            )
        moment = self.record.timestamp if timestamp is None else milliseconds(timestamp)
        message = Outgoing(-1, checked_key(key), encoded(codec, value), moment, pairs(headers))
        self.emitted.setdefault(topic, []).append(message)

    def loopback(self, key: str, value: Any, *, headers: Mapping[str, str | bytes] | None = None) -> None:
        """Emit a message into the group's own topic, from which it comes back under that key.

        Args:
            key: the key.
            value: the value.
            headers: name -> text or bytes.

        Raises:
            InvalidSettings: the processor has no ``loop``.
            InvalidMessage: as of ``emit``.
        """
        self.emit(self._processor.loop_topic, key, value, headers=headers)
