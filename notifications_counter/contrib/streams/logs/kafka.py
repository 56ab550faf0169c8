"""Apache Kafka as a log, by the client confluent-kafka."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from ....conf import is_integer, is_number
from ....exceptions import InvalidSettings, quoted, unknown
from ..conf import NAME
from ..exceptions import InvalidTopic, LogUnavailable, UnknownTopic
from .base import Log, Outgoing, TopicInfo
from .kafka_client import (
    EARLIEST,
    LATEST,
    PROTOCOLS,
    AdminClient,
    IsolationLevel,
    KafkaError,
    KafkaException,
    KafkaPartition,
    TopicCollection,
    admin_settings,
    checked_client,
    code_of,
    new_topic,
    said,
    unavailable,
)
from .kafka_producer import KafkaProducer
from .kafka_reader import KafkaReader

Answer = TypeVar("Answer")

#: How often a question is asked that a broker does not answer, which may just have lost a partition to another.
TRIES = 3
#: Seconds for which an append goes by what was asked before it.
JUST_ASKED = 1.0
#: How many times in a row brokers must know a new topic: each answer may be that of another one.
ANSWERS = 3
#: Kafka's default for its own names of topics.
INTERNAL = "__"
#: Of a broker that does not know yet what another has just been told, or is not there.
PASSING = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError.REQUEST_TIMED_OUT,
}


class KafkaLog(Log):
    """A Kafka cluster, 2.8 or newer.

    Its options:

    * ``SERVERS``: where its brokers are, as ``"host:port,host:port"``;
    * ``CLIENT``: further settings of librdkafka, such as ``{"security.protocol": "SSL"}``;
    * ``REPLICATION``: how many brokers keep each message of topics that are made here; the brokers' own default
      without it;
    * ``GROUP_PROTOCOL``: ``"consumer"``, which needs Kafka 4.0, or ``"classic"``; without it the first where the
      brokers have it, and otherwise the second;
    * ``TIMEOUT``: how many seconds a question to the brokers may take; 10 without it.
    """

    option_names: ClassVar[Sequence[str]] = ("SERVERS", "CLIENT", "REPLICATION", "GROUP_PROTOCOL", "TIMEOUT")
    assigns_partitions: ClassVar[bool] = True

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        where = f"{NAME}['LOGS'][{alias!r}]['OPTIONS']"
        servers = options.get("SERVERS")
        if not isinstance(servers, str) or not servers:
            raise InvalidSettings(f"{where}['SERVERS'] must name brokers as 'host:port', not {quoted(servers)}.")
        self.replication = options.get("REPLICATION", -1)
        if not is_integer(self.replication) or (self.replication < 1 and self.replication != -1):
            raise InvalidSettings(f"{where}['REPLICATION'] must be at least 1, not {quoted(self.replication)}.")
        self.timeout = options.get("TIMEOUT", 10)
        if not is_number(self.timeout) or not self.timeout > 0:
            raise InvalidSettings(
                f"{where}['TIMEOUT'] must be a number of seconds above 0, not {quoted(self.timeout)}."
            )
        self.protocol: str | None = options.get("GROUP_PROTOCOL")
        if self.protocol not in (None, *PROTOCOLS):
            raise InvalidSettings(f"{where}['GROUP_PROTOCOL']: {unknown('protocol', self.protocol, PROTOCOLS)}")
        client = checked_client(options.get("CLIENT", {}), f"{where}['CLIENT']")
        self.client: dict[str, Any] = {**client, "bootstrap.servers": servers}
        #: Topic -> how many partitions it had, and when that was asked.
        self._partitions: dict[str, tuple[int, float]] = {}
        self._of_process: dict[int, tuple[AdminClient, KafkaProducer]] = {}

    def _clients(self) -> tuple[AdminClient, KafkaProducer]:
        """Those of this process: their threads are not there in one that was forked."""
        pid = os.getpid()
        if pid not in self._of_process:
            try:
                made = AdminClient(admin_settings(self.client)), KafkaProducer(self.client)
            except KafkaException as error:
                where = f"{NAME}['LOGS'][{self.alias!r}]['OPTIONS']['CLIENT']"
                raise InvalidSettings(f"{where}: {said(error)}") from error
            self._of_process[pid] = made
        return self._of_process[pid]

    @property
    def admin(self) -> AdminClient:
        """The client that asks for topics."""
        return self._clients()[0]

    # Topics

    def topics(self) -> list[TopicInfo]:
        found = self._ask("list topics", lambda: self.admin.list_topics(timeout=self.timeout).topics)
        return [info for info in self.described(found).values() if info is not None]

    def topic(self, name: str) -> TopicInfo:
        info = self.described([name])[name]
        if info is None:
            raise UnknownTopic(
                f"There is no topic {quoted(name)}. Make it with: manage.py stream_topics {name} --partitions N."
            )
        return info

    def described(self, names: Iterable[str]) -> dict[str, TopicInfo | None]:
        """Topics by name, without Kafka's own; None for one that is not there.

        Raises:
            LogUnavailable: no broker answers.
        """
        wanted = sorted(name for name in names if not name.startswith(INTERNAL))
        if not wanted:
            return {}
        futures = self.admin.describe_topics(TopicCollection(wanted), request_timeout=self.timeout)
        return {name: self._described(name, future) for name, future in futures.items()}

    def _described(self, name: str, future: Any) -> TopicInfo | None:
        try:
            found = self._ask(f"describe {quoted(name)}", future.result, lambda: self._asked_again(name))
        except KafkaException as error:
            if code_of(error) in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_EXCEPTION):
                return None
            raise unavailable(error, f"describe {quoted(name)}") from error
        self._partitions[name] = len(found.partitions), time.monotonic()
        return TopicInfo(name, len(found.partitions), str(found.topic_id))

    def _asked_again(self, name: str) -> Any:
        return self.admin.describe_topics(TopicCollection([name]), request_timeout=self.timeout)[name].result()

    def create_topic(self, name: str, partitions: int) -> TopicInfo:
        if not is_integer(partitions) or partitions < 1:
            raise InvalidTopic(f"A topic has at least 1 partition, not {quoted(partitions)}.")
        new = new_topic(name, partitions, self.replication)
        self._change(name, self.admin.create_topics([new], request_timeout=self.timeout))
        self._wait(lambda: all(self._is_ready(name, partitions) for _ in range(ANSWERS)))
        return self.topic(name)

    def _is_ready(self, name: str, partitions: int) -> bool:
        """Whether the broker that answers knows a topic, and who leads its partitions."""
        info = self.described([name])[name]
        return info is not None and info.partitions == partitions and len(self.ends(name)) == partitions

    def delete_topic(self, name: str) -> None:
        self.topic(name)
        self._change(name, self.admin.delete_topics([name], request_timeout=self.timeout))
        self._partitions.pop(name, None)
        self._wait(lambda: self.described([name])[name] is None)

    def _change(self, name: str, futures: Mapping[str, Any]) -> None:
        try:
            futures[name].result()
        except KafkaException as error:
            if code_of(error) in PASSING:
                raise unavailable(error, f"change {quoted(name)}") from error
            raise InvalidTopic(f"The topic {quoted(name)}: {said(error)}") from error

    def _wait(self, is_done: Callable[[], bool]) -> None:
        """Wait until brokers know what one of them has been told."""
        end = time.monotonic() + self.timeout
        while time.monotonic() < end:
            with contextlib.suppress(LogUnavailable, UnknownTopic):  # of a broker that knows less than the one before
                if is_done():
                    return
            time.sleep(0.02)

    # Offsets

    def begins(self, topic: str) -> dict[int, int]:
        return self._offsets(topic, EARLIEST)

    def ends(self, topic: str) -> dict[int, int]:
        return self._offsets(topic, LATEST)

    def _offsets(self, topic: str, spec: Any) -> dict[int, int]:
        numbers = range(self.topic(topic).partitions)

        def ask() -> dict[int, int]:
            futures = self.admin.list_offsets(
                {KafkaPartition(topic, number): spec for number in numbers},
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=self.timeout,
            )
            return {source.partition: future.result().offset for source, future in futures.items()}

        try:
            return dict(sorted(self._ask(f"list offsets of {quoted(topic)}", ask).items()))
        except KafkaException as error:
            raise unavailable(error, f"list offsets of {quoted(topic)}") from error

    def _ask(self, doing: str, question: Callable[[], Answer], again: Callable[[], Answer] | None = None) -> Answer:
        """The answer to a question, asked again where that may help, in another way if it is given.

        Raises:
            LogUnavailable: no broker answers.
            KafkaException: what does not pass.
        """
        for number in range(TRIES):
            try:
                return again() if number and again else question()
            except KafkaException as error:
                if code_of(error) not in PASSING:
                    raise
                if number == TRIES - 1:
                    raise unavailable(error, doing) from error
            time.sleep(0.2)
        raise AssertionError

    # Messages

    def append(self, topic: str, messages: Sequence[Outgoing]) -> list[int]:
        number = self._number_of_partitions(topic)
        for one in messages:
            if not 0 <= one.partition < number:
                raise UnknownTopic(f"The topic {quoted(topic)} has no partition {one.partition}: it has {number}.")
        return self._clients()[1].append(topic, messages)

    def _number_of_partitions(self, topic: str) -> int:
        """How many a topic has, or had a moment ago: whoever chooses partitions has asked just before."""
        number, asked = self._partitions.get(topic, (0, 0.0))
        return number if number and time.monotonic() < asked + JUST_ASKED else self.topic(topic).partitions

    def reader(self, group: str) -> KafkaReader:
        return KafkaReader(self, group, self.client, self.protocol)
