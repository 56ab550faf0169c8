"""Messages on their way to Kafka: each is acknowledged by all brokers that keep it, once and in order."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ....exceptions import quoted
from ..exceptions import DeliveryFailed
from .base import Outgoing
from .kafka_client import KafkaError, KafkaException, Producer, producer_settings, said

#: Seconds between two looks for what has been delivered.
POLL = 0.05
#: Seconds in which a broker says which partitions a topic has.
ANSWER = 10.0

Outcome = tuple[int, int] | Exception


class _Deliveries:
    """What became of each message of one ``append``."""

    def __init__(self, number: int) -> None:
        self.outcomes: list[Outcome | None] = [None] * number
        self.waiting = number
        self.codes: set[int | None] = set()
        self._lock = threading.Lock()

    def note(self, place: int, error: Any, message: Any) -> None:
        """Called inside of the client: raises nothing."""
        if error is not None:
            self.codes.add(error.code())
            self.outcomes[place] = DeliveryFailed(said(error))
        else:
            self.outcomes[place] = message.partition(), message.offset()
        with self._lock:  # another thread's append may serve this callback
            self.waiting -= 1


class KafkaProducer:
    """A producer, which may be used by several threads.

    Args:
        client: the client settings of the log.
    """

    def __init__(self, client: Mapping[str, Any]) -> None:
        self._settings = producer_settings(client)
        self._lock = threading.Lock()
        self._producer = Producer(self._settings)

    def append(self, topic: str, messages: Sequence[Outgoing]) -> list[int]:
        """Append messages and wait until all are acknowledged; their offsets.

        Raises:
            DeliveryFailed: some were not. Its ``outcomes`` say which; one whose time ran out may be there all the same.
        """
        with self._lock:
            producer = self._producer
        deliveries = _Deliveries(len(messages))
        for place, one in enumerate(messages):
            self._produce(producer, topic, one, deliveries, place)
        while deliveries.waiting:
            producer.poll(POLL)
        outcomes = [one for one in deliveries.outcomes if one is not None]
        failed = [one for one in outcomes if isinstance(one, Exception)]
        if failed:
            self._replace(producer, deliveries.codes)
            error = DeliveryFailed(
                f"{len(failed)} of {len(messages)} messages were not delivered to {quoted(topic)}: {failed[0]}"
            )
            error.outcomes = outcomes
            raise error
        return [one[1] for one in outcomes if not isinstance(one, Exception)]

    def _produce(self, producer: Producer, topic: str, one: Outgoing, deliveries: _Deliveries, place: int) -> None:
        headers: Any = list(one.headers)
        asked = False
        while True:
            try:
                return producer.produce(
                    topic,
                    one.value,
                    None if one.key is None else one.key.encode(),
                    one.partition,
                    on_delivery=partial(deliveries.note, place),
                    timestamp=one.timestamp,
                    headers=headers,
                )
            except BufferError:  # the queue of the client is full
                producer.poll(POLL)
            except KafkaException as error:  # of this message alone, such as one that is too large
                if error.args[0].code() == KafkaError._UNKNOWN_PARTITION and not asked:
                    asked = self._learn_partitions(producer, topic)
                    continue
                return deliveries.note(place, error.args[0], None)

    def _learn_partitions(self, producer: Producer, topic: str) -> bool:
        """Let a producer, which would go on with what it knows for minutes, learn of partitions that were added."""
        with contextlib.suppress(KafkaException):
            producer.list_topics(topic, timeout=ANSWER)
        return True

    def _replace(self, producer: Producer, codes: set[int | None]) -> None:
        """Make another producer, if this one takes nothing any more, of which its errors tell by their code alone."""
        if KafkaError._FATAL in codes:
            with self._lock:
                if self._producer is producer:
                    self._producer = Producer(self._settings)
