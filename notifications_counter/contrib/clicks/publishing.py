"""Publishing clicks: each is confirmed by the broker in time, or the database keeps it."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from ...exceptions import BrokerUnavailable
from .broker import ROUTING_KEY, Broker
from .conf import clicks_settings
from .kept import keep
from .recording import ClickEvent

logger = logging.getLogger("notifications_counter")

#: How many messages may be on their way before they are confirmed.
IN_FLIGHT = 100

#: Seconds for which a broker that failed is left alone, so that not every click waits for it.
PAUSE = 5


class Confirmed:
    """A channel on which each message is confirmed by its own number, as the broker counts them.

    py-amqp's own confirms take the next answer for the one that they wait for, which after a time-out is another's.
    """

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.channel = broker.connection.channel()
        self.producer = broker.producer(self.channel)
        self.waiting: dict[int, str] = {}
        self.returned: set[str] = set()
        self.refused: set[str] = set()
        self._sent = 0
        if broker.is_amqp:
            self.channel.confirm_select()
            self.channel.events["basic_ack"].add(self._acked)
            self.channel.events["basic_nack"].add(self._nacked)
            self.channel.events["basic_return"].add(self._came_back)

    def send(self, id: str, body: bytes, deadline: float, **more: Any) -> None:
        """Send one message, without waiting for what becomes of it."""
        self._sent += 1
        self.waiting[self._sent] = id
        left = self.broker.limit_to(deadline)
        sending = {"mandatory": True, "timeout": left} if self.broker.is_amqp else {}
        self.producer.publish(body, content_encoding="utf-8", delivery_mode=2, message_id=id, **sending, **more)
        if not self.broker.is_amqp:
            del self.waiting[self._sent]  # its answer was the confirmation

    def wait(self, deadline: float) -> set[str]:
        """Wait until each message is confirmed or refused; the ids of those that no queue has taken.

        Raises:
            TimeoutError: there was no answer in time. The channel cannot be used any more.
        """
        while self.waiting:
            self.broker.connection.drain_events(timeout=self.broker.limit_to(deadline))
        lost = self.returned | self.refused
        self.returned, self.refused = set(), set()
        return lost

    def _answered(self, tag: int, multiple: bool) -> list[str]:
        tags = [one for one in self.waiting if one <= tag] if multiple else [tag]
        return [self.waiting.pop(one) for one in tags if one in self.waiting]

    def _acked(self, tag: int, multiple: bool) -> None:
        self._answered(tag, multiple)

    def _nacked(self, tag: int, multiple: bool) -> None:
        self.refused.update(self._answered(tag, multiple))

    def _came_back(self, error: Exception, exchange: str, routing_key: str, message: Any) -> None:
        self.returned.add(message.properties.get("message_id", ""))


class Publisher:
    """Publishes over one connection, which it opens at the first click of its process, and keeps."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._broker: Broker | None = None
        self._channel: Confirmed | None = None
        self._left_alone_until = 0.0
        self._is_failing = False

    def publish(self, events: Sequence[ClickEvent]) -> list[ClickEvent]:
        """Publish clicks, some at a time.

        Args:
            events: the clicks.

        Returns:
            Those of which it is not certain that the broker has them. Some may be there all the same.
        """
        left: list[ClickEvent] = []
        for start in range(0, len(events), IN_FLIGHT):
            left += self._publish(events[start : start + IN_FLIGHT])
        return left

    def _publish(self, events: Sequence[ClickEvent]) -> list[ClickEvent]:
        timeout = clicks_settings().TIMEOUT
        deadline = time.monotonic() + timeout
        if time.monotonic() < self._left_alone_until or not self._lock.acquire(timeout=timeout):
            return list(events)
        try:
            return self._try_twice(events, deadline)
        finally:
            self._lock.release()

    def _try_twice(self, events: Sequence[ClickEvent], deadline: float) -> list[ClickEvent]:
        left = list(events)
        # A kept connection may have ended, and its queue be gone, without anybody's having noticed: once more, no more.
        for was_kept in [True, False] if self._channel else [False]:
            try:
                left = self._send(left, deadline)
                if not left:
                    self._note(None)
                    return []
                reason: Exception = BrokerUnavailable("The broker of clicks has not taken some: no queue has room.")
            except BrokerUnavailable as error:
                reason = error
            self.close()
            if not was_kept or time.monotonic() >= deadline:
                break
        self._note(reason)
        return left

    def _send(self, events: Sequence[ClickEvent], deadline: float) -> list[ClickEvent]:
        """Send clicks and wait for their confirms; those that came back, or were refused."""
        broker, channel = self._connected(deadline)
        exchange = clicks_settings().QUEUE
        with broker.explained():
            for event in events:
                channel.send(
                    event.id,
                    json.dumps(event.as_dict(), separators=(",", ":")).encode(),
                    deadline,
                    exchange=exchange,
                    routing_key=ROUTING_KEY,
                    content_type="application/json",
                    timestamp=int(event.at.timestamp()),
                )
            lost = channel.wait(deadline)
        return [event for event in events if event.id in lost]

    def _connected(self, deadline: float) -> tuple[Broker, Confirmed]:
        if self._broker is None or self._channel is None:
            broker = Broker(max(deadline - time.monotonic(), 0.01))
            with broker.explained():
                broker.limit_to(deadline)
                broker.declare()
                self._broker, self._channel = broker, Confirmed(broker)
        return self._broker, self._channel

    def _note(self, error: Exception | None) -> None:
        self._left_alone_until = time.monotonic() + PAUSE if error else 0.0
        if error and not self._is_failing:
            logger.error("%s The database keeps clicks until it is back.", f"{error}".rstrip(".") + ".")
        elif self._is_failing and not error:
            logger.warning("The broker of clicks takes them again.")
        self._is_failing = bool(error)

    def close(self, *, politely: bool = False) -> None:
        """Close the connection; the next click opens another one."""
        broker, self._broker, self._channel = self._broker, None, None
        if broker:
            broker.close(politely=politely)

    def after_fork(self) -> None:
        """In the child: the connection is the parent's, and so may be a thread that holds the lock."""
        broker = self._broker
        self._begin()
        if broker:
            broker.forget()


publisher = Publisher()
os.register_at_fork(after_in_child=publisher.after_fork)


def ingest(events: Iterable[ClickEvent]) -> None:
    """Publish clicks; what the broker does not confirm within the time-out is kept in the database."""
    left = publisher.publish(list(events))
    if left:
        keep(left)
