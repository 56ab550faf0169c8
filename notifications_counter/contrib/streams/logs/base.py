"""The interface of a log: topics of partitions, each a sequence of messages with offsets that only ever grow.

A log keeps messages, and neither reads nor writes how far somebody has got: that is a row of the database,
``Progress``. ``tests/streams/log_contract.py`` holds what each log must do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, overload

from ....exceptions import InvalidSettings, unknown
from ..conf import NAME

Raw = TypeVar("Raw")

#: Pairs, because a name may occur more than once.
Headers = tuple[tuple[str, bytes], ...]


class TopicInfo(NamedTuple):
    """A topic.

    Attributes:
        name: its name.
        partitions: how many it has, numbered from 0.
        uid: another one whenever a topic is made, also under the same name.
    """

    name: str
    partitions: int
    uid: str


class Outgoing(NamedTuple):
    """A message that is to be appended.

    Attributes:
        partition: the number of the partition.
        key: the key.
        value: the bytes; None for a tombstone, which says that the key is deleted.
        timestamp: milliseconds since 1970.
        headers: its headers.
    """

    partition: int
    key: str | None
    value: bytes | None
    timestamp: int
    headers: Headers = ()


class Record(NamedTuple):
    """A message as a log has it.

    Attributes:
        offset: its place in the partition.
        key: the key; None where it has none.
        value: the bytes; None for a tombstone.
        timestamp: milliseconds since 1970.
        headers: its headers.
    """

    offset: int
    key: str | None
    value: bytes | None
    timestamp: int
    headers: Headers = ()


class Records(Sequence[Record], Generic[Raw]):
    """Messages of one partition, of which a log makes a ``Record`` only where somebody asks for that message.

    Whoever wants to know no more than how many messages each key has asks for just that.

    Args:
        raw: the messages as the log has read them.
    """

    def __init__(self, raw: list[Raw]) -> None:
        self.raw = raw

    def record(self, one: Raw) -> Record:
        """A message as every log has it."""
        raise NotImplementedError

    def key_counts(self) -> Mapping[str | None, int]:
        """Key -> how many of the messages have it."""
        raise NotImplementedError

    def values(self) -> list[bytes | None]:
        """The value of each message."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.raw)

    def __iter__(self) -> Iterator[Record]:
        return map(self.record, self.raw)

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> Records[Raw]: ...

    def __getitem__(self, place: int | slice) -> Record | Records[Raw]:
        return type(self)(self.raw[place]) if isinstance(place, slice) else self.record(self.raw[place])


def key_counts_of(records: Sequence[Record]) -> Mapping[str | None, int]:
    """Key -> how many messages have it."""
    return records.key_counts() if isinstance(records, Records) else Counter(one.key for one in records)


def values_of(records: Sequence[Record]) -> list[bytes | None]:
    """The value of each message."""
    return records.values() if isinstance(records, Records) else [one.value for one in records]


class TopicPartition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Position(NamedTuple):
    """Where somebody goes on in a partition.

    Attributes:
        offset: the offset of the next message.
        uid: the identity of the topic in which that offset was stored.
        epoch: the epoch of the leader that wrote the message before it, in logs that have some; None where it is not
            known.
    """

    offset: int
    uid: str
    epoch: int | None = None


class Batch(NamedTuple):
    """Messages of one partition, one after the other, at least one or an offset to skip to.

    Attributes:
        source: the partition.
        records: the messages.
        next_offset: where to go on; more than one beyond the last message where the log has entries that are none.
        epoch: as of ``Position``.
    """

    source: TopicPartition
    records: Sequence[Record]
    next_offset: int
    epoch: int | None = None


class Reader:
    """Reads partitions from offsets that it is told. Used by one thread.

    Attributes:
        has_news: whether ``given`` has another answer than before.
    """

    has_news = False

    def join(self, topics: Iterable[str]) -> None:
        """Become a member of the group, where the log ``assigns_partitions``: with the next ``poll``.

        It reads what it has been told to read and was given, and ``poll`` returns None when it ``has_news``.

        Args:
            topics: what the group reads.
        """
        raise NotImplementedError

    def given(self) -> set[TopicPartition]:
        """The partitions that the log has given to this member."""
        raise NotImplementedError

    def applied(self, source: TopicPartition, offset: int) -> None:
        """Take note of how far the group has got, for logs that show it; they never go by it."""

    def assign(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Read these partitions from now on, and no others. One that was read before goes on where it is.

        Args:
            positions: partition -> where to begin.
        """
        raise NotImplementedError

    def seek(self, source: TopicPartition, offset: int) -> None:
        """Go on at another offset in a partition that is being read."""
        raise NotImplementedError

    def poll(self, limit: int, timeout: float, stopped: Callable[[], bool] = lambda: False) -> Batch | None:
        """The next messages of one partition; partitions take turns. None if nothing came.

        Args:
            limit: how many messages at most.
            timeout: how many seconds to wait for one.
            stopped: asked while it waits; a true answer ends the wait.

        Raises:
            TopicReplaced: a topic is another one than that of the position.
            OffsetGone: messages at the position are no longer kept.
            LogTruncated: messages before the position are other ones than those that were read.
            LogUnavailable: the log does not answer. It may be asked again.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what it holds."""


class Log:
    """Where messages are.

    Args:
        alias: its alias in the settings.
        options: its ``OPTIONS``.

    Raises:
        InvalidSettings: an option is unknown.
    """

    #: The options that it takes.
    option_names: ClassVar[Sequence[str]] = ()
    #: Whether ``append`` belongs to the transaction that is open on its database, and is rolled back with it.
    supports_transactions: ClassVar[bool] = False
    #: Whether ``trim`` can be called; other logs delete what is old by themselves.
    supports_trim: ClassVar[bool] = False
    #: Whether it shares out the partitions of a group itself, among readers that ``join``.
    assigns_partitions: ClassVar[bool] = False
    #: The alias of the database that it is in; None where it is in none.
    using: str | None = None

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        for name in options:
            if name not in self.option_names:
                sentence = unknown("option", name, self.option_names)
                raise InvalidSettings(f"{NAME}['LOGS'][{alias!r}]['OPTIONS']: {sentence}")
        self.alias = alias
        self.options = options

    def takes_part_in(self, using: str) -> bool:
        """Whether what is appended belongs to a transaction on a database alias."""
        return self.supports_transactions and self.using == using

    def topics(self) -> list[TopicInfo]:
        """All topics, by name."""
        raise NotImplementedError

    def topic(self, name: str) -> TopicInfo:
        """A topic.

        Raises:
            UnknownTopic: there is none of that name.
        """
        raise NotImplementedError

    def create_topic(self, name: str, partitions: int) -> TopicInfo:
        """Make a topic.

        Raises:
            InvalidTopic: there is one of that name, or it cannot be made like that.
        """
        raise NotImplementedError

    def delete_topic(self, name: str) -> None:
        """Delete a topic with all its messages.

        Raises:
            UnknownTopic: there is none of that name.
        """
        raise NotImplementedError

    def append(self, topic: str, messages: Sequence[Outgoing]) -> list[int]:
        """Append messages, those of one partition in their order, and wait until the log has them.

        Args:
            topic: the topic.
            messages: the messages.

        Returns:
            Their offsets.

        Raises:
            UnknownTopic: there is no such topic, or no such partition in it.
            DeliveryFailed: the log has not taken all of them; those before may be there.
        """
        raise NotImplementedError

    def begins(self, topic: str) -> dict[int, int]:
        """The offset of the first message that each partition keeps.

        Raises:
            UnknownTopic: there is no such topic.
        """
        raise NotImplementedError

    def ends(self, topic: str) -> dict[int, int]:
        """The offset that each partition's next message gets.

        Raises:
            UnknownTopic: there is no such topic.
        """
        raise NotImplementedError

    def reader(self, group: str) -> Reader:
        """A reader for a group, which errors name."""
        raise NotImplementedError

    def trim(self, topic: str, before: int, floors: Mapping[int, int]) -> int:
        """Delete old messages, where ``supports_trim``.

        Args:
            topic: the topic.
            before: milliseconds since 1970: only messages with an older timestamp, and none behind one that stays.
            floors: partition -> the offset from which on messages stay in any case.

        Returns:
            How many were deleted.

        Raises:
            UnknownTopic: there is no such topic.
        """
        raise NotImplementedError


def everything_of(log: Log, topic: str) -> list[Record]:
    """All messages that a topic has now, by partition; for tests, because it holds all of them."""
    uid, ends = log.topic(topic).uid, log.ends(topic)
    found: dict[int, list[Record]] = {number: [] for number in ends}
    left = {TopicPartition(topic, number): begin for number, begin in log.begins(topic).items() if begin < ends[number]}
    reader = log.reader("everything")
    reader.assign({source: Position(begin, uid) for source, begin in left.items()})
    while left:
        batch = reader.poll(1_000, 60)
        assert batch is not None, f"nothing comes of {left}"
        found[batch.source.partition] += batch.records
        if batch.next_offset >= ends[batch.source.partition]:
            left.pop(batch.source, None)
    reader.close()
    return [record for number in sorted(found) for record in found[number]]
