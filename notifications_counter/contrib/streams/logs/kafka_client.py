"""What the clients of Kafka are told, and what their errors mean.

confluent-kafka is built on librdkafka, whose settings these are:
https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ....exceptions import InvalidSettings, MissingExtra, described, quoted
from ..exceptions import LogUnavailable

# Here alone, so that whoever lacks it is told how to get it.
try:
    from confluent_kafka import Consumer as Consumer
    from confluent_kafka import IsolationLevel as IsolationLevel
    from confluent_kafka import KafkaError as KafkaError
    from confluent_kafka import KafkaException as KafkaException
    from confluent_kafka import Message as Message
    from confluent_kafka import Producer as Producer
    from confluent_kafka import TopicCollection as TopicCollection
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient as AdminClient
    from confluent_kafka.admin import NewTopic, OffsetSpec  # type: ignore[attr-defined]  # their names are public
except ImportError as error:
    raise MissingExtra("confluent-kafka", "kafka") from error

KafkaPartition = TopicPartition
#: What to ask offsets for.
EARLIEST, LATEST = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]


def new_topic(name: str, partitions: int, replication: int) -> Any:
    """A topic that is to be made."""
    return NewTopic(name, num_partitions=partitions, replication_factor=replication)


#: What the client itself has to say: of brokers that are away, for example.
client_logger = logging.getLogger("notifications_counter.kafka")

#: What exactness depends on. Group offsets are stored by nobody but us, and only for those who look at the lag.
CONSUMER: Mapping[str, Any] = {
    "auto.offset.reset": "error",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "allow.auto.create.topics": False,
}
PRODUCER: Mapping[str, Any] = {"acks": "all", "enable.idempotence": True, "partitioner": "murmur2_random"}

#: What may be set otherwise.
CONSUMER_DEFAULTS: Mapping[str, Any] = {
    "fetch.wait.max.ms": 100,
    "queued.max.messages.kbytes": 16_384,
    # Of a second and half a second otherwise: until it reads on when enough was read ahead, and after an error.
    "fetch.queue.backoff.ms": 50,
    "fetch.error.backoff.ms": 100,
}
PRODUCER_DEFAULTS: Mapping[str, Any] = {"linger.ms": 5, "delivery.timeout.ms": 30_000}

PROTOCOLS = ("consumer", "classic")
OF_GROUPS = ("group.id", "group.protocol", "group.remote.assignor", "partition.assignment.strategy")
OURS = {*CONSUMER, *PRODUCER, *OF_GROUPS, "bootstrap.servers"}

#: Settings of one kind of client, about which the other would complain.
OF_CONSUMERS = ("fetch.", "queued.", "session.", "heartbeat.", "group.", "max.poll.", "max.partition.", "check.crcs")
OF_PRODUCERS = ("linger.", "batch.", "queue.buffering.", "compression.", "delivery.", "message.timeout.", "sticky.")


def checked_client(given: object, where: str) -> Mapping[str, Any]:
    """The client settings of a log.

    Args:
        given: what the option ``CLIENT`` says.
        where: the name of the option.

    Raises:
        InvalidSettings: it is no dictionary, or sets what this package depends on.
    """
    if not isinstance(given, Mapping):
        raise InvalidSettings(f"{where} must be a dictionary of settings of librdkafka, not {quoted(given)}.")
    for name in given:
        if name in OURS:
            raise InvalidSettings(f"{where}[{name!r}] cannot be set: that messages count exactly once depends on it.")
    return given


def consumer_settings(client: Mapping[str, Any], group: str, of_group: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a consumer.

    Args:
        client: the settings of the log.
        group: the group.
        of_group: how it shares the partitions out.
    """
    given = _without(client, OF_PRODUCERS)
    return {**CONSUMER_DEFAULTS, **given, **CONSUMER, **of_group, "group.id": group, **_common()}


def producer_settings(client: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a producer."""
    return {**PRODUCER_DEFAULTS, **_without(client, OF_CONSUMERS), **PRODUCER, **_common()}


def admin_settings(client: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a client that asks for topics."""
    return {**_without(client, (*OF_CONSUMERS, *OF_PRODUCERS)), **_common()}


def _without(client: Mapping[str, Any], prefixes: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in client.items() if not name.startswith(prefixes)}


def _common() -> dict[str, Any]:
    return {"error_cb": note_error, "logger": client_logger, "log_level": 3}


def note_error(error: KafkaError) -> None:
    """Take note of what a client tells of itself; what needs an answer comes with messages, too.

    Called inside of the client, which would throw messages away if this raised anything.
    """
    try:
        client_logger.debug("%s: %s", error.name(), described(KafkaException(error)))
    except Exception:
        return


def unavailable(error: BaseException, doing: str) -> LogUnavailable:
    """An error of a client, as one that may pass.

    Args:
        error: the error.
        doing: what failed, such as "append messages".
    """
    return LogUnavailable(f"Kafka could not {doing}: {said(error)}")


def said(error: BaseException | KafkaError) -> str:
    """What an error of Kafka or its client says, with its name."""
    found = error.args[0] if isinstance(error, KafkaException) else error
    return f"{found.name()}: {found.str()}" if isinstance(found, KafkaError) else described(found)


def code_of(error: BaseException) -> int | None:
    """The code of an error; None where it is none of Kafka's."""
    found = error.args[0] if isinstance(error, KafkaException) and error.args else None
    return found.code() if isinstance(found, KafkaError) else None
