"""Messages on their way to Kafka: each is acknowledged by all brokers that keep it, once and in order."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from ....exceptions import quoted
from ..exceptions import DeliveryFailed
from .base import Outgoing
from .kafka_client import KafkaError, KafkaException, Producer, code_of, producer_settings, said

#: Seconds between two looks for what has been delivered.
POLL = 0.05


class _Deliveries:
    """What became of each message of one ``append``."""

    def __init__(self, number: int) -> None:
        self.outcomes: list[int | Exception | None] = [None] * number
        self.waiting = number

    def note(self, place: int, error: Any, message: Any) -> None:
        """Called inside of the client: raises nothing."""
        self.outcomes[place] = KafkaException(error) if error is not None else message.offset()
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
        outcomes = [self._outcome(one) for one in deliveries.outcomes]
        failed = [one for one in outcomes if isinstance(one, Exception)]
        if failed:
            self._replace(producer, failed)
            error = DeliveryFailed(
                f"{len(failed)} of {len(messages)} messages were not delivered to {quoted(topic)}: {said(failed[0])}"
            )
            error.outcomes = outcomes
            raise error
        return [one for one in outcomes if isinstance(one, int)]

    def _produce(self, producer: Producer, topic: str, one: Outgoing, deliveries: _Deliveries, place: int) -> None:
        def on_delivery(error: Any, message: Any) -> None:
            deliveries.note(place, error, message)

        headers: Any = list(one.headers)
        while True:
            try:
                return producer.produce(
                    topic,
                    one.value,
                    None if one.key is None else one.key.encode(),
                    one.partition,
                    on_delivery=on_delivery,
                    timestamp=one.timestamp,
                    headers=headers,
                )
            except BufferError:  # the queue of the client is full
                producer.poll(POLL)
            except KafkaException as error:  # of this message alone, such as one that is too large
                deliveries.outcomes[place] = error
                deliveries.waiting -= 1
                return None

    def _outcome(self, found: int | Exception | None) -> int | Exception:
        assert found is not None, "each message has been reported"
        return found

    def _replace(self, producer: Producer, failed: Sequence[Exception]) -> None:
        """Make another producer, if this one takes nothing any more, of which its errors tell by their code alone."""
        if any(code_of(one) == KafkaError._FATAL for one in failed):
            with self._lock:
                if self._producer is producer:
                    self._producer = Producer(self._settings)
