"""What can go wrong with streams."""

from __future__ import annotations

from collections.abc import Sequence

from ...exceptions import CounterError, described, quoted


class StreamError(CounterError):
    """The base class of what can go wrong with streams."""


class UnknownTopic(StreamError):
    """The log has no topic of that name."""


class InvalidTopic(StreamError, ValueError):
    """A topic cannot be made, or changed, in that way."""


class InvalidMessage(StreamError, ValueError):
    """What is to be emitted cannot be a message. Nothing has been emitted."""


class LogUnavailable(StreamError):
    """The servers of a log do not answer, or not as they should. It may pass."""


class DeliveryFailed(LogUnavailable):
    """The log has not taken a message.

    Attributes:
        outcomes: what became of each message that was to be appended, where the log knows: its
            partition and offset, or the error.
    """

    outcomes: Sequence[tuple[int, int] | Exception] = ()


class TopicReplaced(StreamError):
    """A topic was made anew under the same name: the offsets that were stored mean nothing in it.

    Args:
        group: whose offsets these are.
        topic: the topic.
        partition: the partition.
        offset: the offset that was stored.
    """

    def __init__(self, group: str, topic: str, partition: int, offset: int) -> None:
        super().__init__(
            f"The topic {quoted(topic)} was made anew since the group {quoted(group)} read it up to offset {offset} of"
            f" partition {partition}, an offset that means nothing in the new one. Say where to go on:"
            f" manage.py stream_topics {topic} --reset {group} --to earliest (or latest)."
        )


class OffsetGone(StreamError):
    """Messages that a group has not read yet are no longer in the log.

    Args:
        group: who wanted to read them.
        topic: the topic.
        partition: the partition.
        offset: where the group stands.
        begin: the first offset that is left.
    """

    def __init__(self, group: str, topic: str, partition: int, offset: int, begin: int) -> None:
        super().__init__(
            f"Partition {partition} of the topic {quoted(topic)} begins at offset {begin}, and the group"
            f" {quoted(group)} has read it up to offset {offset}: what lies between is gone. To go on without it:"
            f" manage.py stream_topics {topic} --reset {group} --to earliest."
        )


class LogTruncated(StreamError):
    """A log was cut off before the offset of a group: the messages there are other ones than those that it has read.

    Args:
        group: whose offset this is.
        topic: the topic.
        partition: the partition.
        offset: where the group stands.
        epoch: of the leader that wrote the messages before it.
    """

    def __init__(self, group: str, topic: str, partition: int, offset: int, epoch: int) -> None:
        super().__init__(
            f"Partition {partition} of the topic {quoted(topic)} was cut off, by the election of a leader that had not"
            f" all messages: of those that the group {quoted(group)} has read up to offset {offset}, in leader epoch"
            f" {epoch}, some are gone, and others may have their offsets. What was counted stays. Say where to go on:"
            f" manage.py stream_topics {topic} --reset {group} --to OFFSET (or earliest, or latest)."
        )


class Fenced(StreamError):
    """Another member has taken the partition: nothing of the chunk was applied."""


class ProcessingFailed(StreamError):
    """A message could not be processed. The offset stays before it.

    Args:
        group: the group of the processor.
        topic: the topic.
        partition: the partition.
        offset: the offset of the message.
        error: what went wrong.
    """

    def __init__(self, group: str, topic: str, partition: int, offset: int, error: BaseException) -> None:
        super().__init__(
            f"{group}: the message at offset {offset} of partition {partition} of the topic {quoted(topic)} could not"
            f" be processed: {type(error).__name__}: {described(error)}"
        )
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.error = error
