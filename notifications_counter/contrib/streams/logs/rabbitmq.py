"""RabbitMQ streams as a log, by the client rstream."""

from __future__ import annotations

import asyncio
import atexit
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ....conf import is_integer, is_number
from ....exceptions import InvalidSettings, quoted
from ..conf import NAME
from ..exceptions import DeliveryFailed, InvalidTopic, LogUnavailable, UnknownTopic
from ..models import LONGEST_NAME
from .base import Log, Outgoing, TopicInfo, everything_of
from .rabbitmq_client import ServerError, StreamAlreadyExists, StreamDoesNotExist, address_of, led, unavailable
from .rabbitmq_connections import Connections, RabbitMQ
from .rabbitmq_producer import Outcome, numbered, publish
from .rabbitmq_reader import RabbitMQReader
from .rabbitmq_topics import Found, begin_of, end_of, make, offsets_of, set_mark, stream_of, streams_of

NAMES = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST_NAME - 7}}}")
MOST_PARTITIONS = 1_000
#: The topic whose messages have the names of all others as keys: RabbitMQ's protocol of streams lists none.
REGISTRY = "notifications-counter-topics"
#: How many messages one append publishes before it waits for them.
AT_ONCE = 5_000


class RabbitMQLog(Log):
    """RabbitMQ 3.10 or newer, with the plugin ``rabbitmq_stream``.

    Its options:

    * ``URL``: where it is, as ``"rabbitmq-stream://user:password@host:5552/%2F"``, whose last part is the virtual host;
      ``rabbitmq-stream+tls://`` for an encrypted connection;
    * ``ARGUMENTS``: of streams that are made here, such as ``{"max-age": "7D"}``;
    * ``TIMEOUT``: how many seconds a question to the brokers may take; 10 without it.
    """

    option_names: ClassVar[Sequence[str]] = ("URL", "ARGUMENTS", "TIMEOUT")

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        where = f"{NAME}['LOGS'][{alias!r}]['OPTIONS']"
        self.address = address_of(options.get("URL"), f"{where}['URL']")
        self.timeout = options.get("TIMEOUT", 10)
        if not is_number(self.timeout) or not self.timeout > 0:
            raise InvalidSettings(
                f"{where}['TIMEOUT'] must be a number of seconds above 0, not {quoted(self.timeout)}."
            )
        self.arguments = options.get("ARGUMENTS", {})
        if not isinstance(self.arguments, Mapping):
            raise InvalidSettings(f"{where}['ARGUMENTS'] must be a dictionary, not {quoted(self.arguments)}.")
        self._of_process: dict[int, RabbitMQ] = {}

    @property
    def rabbitmq(self) -> RabbitMQ:
        """The connections of this process: another one's thread is not there in one that was forked."""
        pid = os.getpid()
        if pid not in self._of_process:
            made = RabbitMQ(self.address, self.timeout)
            made.start()
            atexit.register(made.end)
            self._of_process[pid] = made
        return self._of_process[pid]

    @property
    def connections(self) -> Connections:
        """Those of this process, to be used in its thread."""
        return self.rabbitmq.connections

    def close(self) -> None:
        """Let go of the connections of this process; it has others when it asks for something."""
        found = self._of_process.pop(os.getpid(), None)
        if found is not None:
            atexit.unregister(found.end)
            found.end()

    # Topics

    def topics(self) -> list[TopicInfo]:
        if not self._found(REGISTRY).is_topic:
            return []
        names = {record.key for record in everything_of(self, REGISTRY) if record.key is not None}
        found = {name: self._found(name) for name in sorted(names)}
        return [streams.info(name) for name, streams in found.items() if streams.is_topic]

    def topic(self, name: str) -> TopicInfo:
        return self._topic(name).info(name)

    def _found(self, name: str) -> Found:
        return self.rabbitmq.ask(f"describe {quoted(name)}", streams_of(self.connections, name))

    def _topic(self, name: str) -> Found:
        if not isinstance(name, str) or not NAMES.fullmatch(name):
            raise UnknownTopic(f"There is no topic {quoted(name)}, which is no name of one.")
        found = self._found(name)
        if found.is_topic:
            return found
        raise UnknownTopic(
            f"There is no topic {quoted(name)}{self._rest(name, found)}. Make it with: manage.py stream_topics {name}"
            " --partitions N."
        )

    def _rest(self, name: str, found: Found) -> str:
        if not found.streams:
            return ""
        names = ", ".join(stream_of(name, number) for number in sorted(found.streams)[:3])
        return f", only streams that were not made, or not all of them, by this package ({names})"

    def create_topic(self, name: str, partitions: int) -> TopicInfo:
        if not isinstance(name, str) or not NAMES.fullmatch(name):
            raise InvalidTopic(f"{quoted(name)} cannot be a topic: use up to {LONGEST_NAME - 7} of A-Z a-z 0-9 . _ -")
        if not is_integer(partitions) or not 1 <= partitions <= MOST_PARTITIONS:
            raise InvalidTopic(f"A topic has from 1 to {MOST_PARTITIONS:,} partitions, not {quoted(partitions)}.")
        self._make(name, partitions)
        if name != REGISTRY:
            if not self._found(REGISTRY).is_topic:
                self._make(REGISTRY, 1)
            self.append(REGISTRY, [Outgoing(0, name, b"", 0)])
        return self.topic(name)

    def _make(self, name: str, partitions: int) -> None:
        """Make streams, or take over those that are there: of a super stream, or of a topic that was half made."""
        found = self._found(name)
        if found.is_topic:
            raise InvalidTopic(f"There is a topic {quoted(name)} already.")
        if found.streams and sorted(found.streams) != list(range(partitions)):
            raise InvalidTopic(
                f"{quoted(name)} cannot be made with {partitions} partitions, because the streams"
                f" {', '.join(stream_of(name, number) for number in found.streams)} are there. Take them all, with"
                f" --partitions {len(found.streams)}, or delete them: manage.py stream_topics {name} --delete."
            )
        try:
            self._ask(f"make {quoted(name)}", self._made(name, partitions, found))
        except StreamAlreadyExists as error:
            raise InvalidTopic(f"There is a topic {quoted(name)} already, which was made just now.") from error
        except ServerError as error:
            raise InvalidTopic(f"RabbitMQ does not make the topic {quoted(name)}: {type(error).__name__}.") from error

    async def _made(self, name: str, partitions: int, found: Found) -> None:
        if not found.streams:
            arguments = {} if name == REGISTRY else self.arguments
            await make(self.connections, name, range(partitions), arguments)
        now = await streams_of(self.connections, name)
        for (number, broker), mark in zip(now.streams.items(), now.marks, strict=True):
            if not mark:
                await set_mark(self.connections, stream_of(name, number), led(broker))

    def delete_topic(self, name: str) -> None:
        found = self._found(name) if isinstance(name, str) else None
        if found is None or not found.streams:
            self._topic(name)
            return
        self._ask(f"delete {quoted(name)}", self._deleted(name, found))

    async def _deleted(self, name: str, found: Found) -> None:
        for number in found.streams:
            client = (await self.connections.first()).client
            try:
                await client.delete_stream(stream_of(name, number))
            except StreamDoesNotExist:
                continue

    def _ask(self, doing: str, answer: Any) -> Any:
        """As ``ask``, with the time of a question for many, and the broker's own errors as they are."""
        try:
            return self.rabbitmq.ask(doing, answer, 10 * self.timeout)
        except LogUnavailable as error:
            if isinstance(error.__cause__, ServerError):
                raise error.__cause__ from None
            raise

    # Offsets

    def begins(self, topic: str) -> dict[int, int]:
        return self._offsets(topic, begin_of)

    def ends(self, topic: str) -> dict[int, int]:
        return self._offsets(topic, end_of)

    def _offsets(self, topic: str, ask: Any) -> dict[int, int]:
        found = self._topic(topic)
        try:
            answer = offsets_of(self.connections, topic, found, ask)
            return dict(self._ask(f"list offsets of {quoted(topic)}", answer))
        except StreamDoesNotExist as error:
            raise UnknownTopic(f"The topic {quoted(topic)} was deleted just now.") from error
        except ServerError as error:
            raise unavailable(error, f"list offsets of {quoted(topic)}") from error

    # Messages

    def append(self, topic: str, messages: Sequence[Outgoing]) -> list[int]:
        found = self._topic(topic)
        for one in messages:
            if one.partition not in found.streams:
                number = len(found.streams)
                raise UnknownTopic(f"The topic {quoted(topic)} has no partition {one.partition}: it has {number}.")
        offsets: list[int] = []
        for start in range(0, len(messages), AT_ONCE):
            part = messages[start : start + AT_ONCE]
            outcomes = self.rabbitmq.ask(
                f"append messages to {quoted(topic)}", self._append(topic, found, part), 2 * self.timeout
            )
            failed = [one for one in outcomes if isinstance(one, Exception)]
            if failed:
                raise self._failed(topic, messages, [*offsets, *outcomes], len(failed))
            offsets += [one for one in outcomes if not isinstance(one, Exception)]
        return offsets

    def _failed(self, topic: str, messages: Sequence[Outgoing], outcomes: list[Outcome], number: int) -> DeliveryFailed:
        outcomes += [DeliveryFailed("it was not sent")] * (len(messages) - len(outcomes))
        first = next(one for one in outcomes if isinstance(one, Exception))
        error = DeliveryFailed(f"{number} of {len(messages)} messages were not delivered to {quoted(topic)}: {first}")
        error.outcomes = [
            one if isinstance(one, Exception) else (message.partition, one)
            for message, one in zip(messages, outcomes, strict=True)
        ]
        return error

    async def _append(self, topic: str, found: Found, messages: Sequence[Outgoing]) -> list[Outcome]:
        places: dict[int, list[int]] = {}
        for place, message in enumerate(messages):
            places.setdefault(message.partition, []).append(place)
        data = numbered(messages)
        outcomes: list[Outcome] = [DeliveryFailed("it was not sent")] * len(messages)

        async def to(number: int) -> None:
            given = [data[place] for place in places[number]]
            became = await publish(self.connections, found.streams[number], stream_of(topic, number), given)
            for place, outcome in zip(places[number], became, strict=True):
                outcomes[place] = outcome

        await asyncio.gather(*(to(number) for number in places))
        return outcomes

    def reader(self, group: str) -> RabbitMQReader:
        return RabbitMQReader(self, group)
