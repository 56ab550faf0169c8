"""The broker: how it is reached, and its exchange and queues."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from ...exceptions import BrokerUnavailable, InvalidSettings, MissingExtra, described
from .conf import NAME, clicks_settings

try:
    import kombu
    from amqp.exceptions import AccessRefused, PreconditionFailed
    from kombu.exceptions import KombuError
    from kombu.utils.text import version_string_as_tuple
except ImportError as error:
    raise MissingExtra("kombu", "amqp") from error

#: The routing key of the articles that this began with.
ROUTING_KEY = "increment_click"

#: RabbitMQ 4 gives a message up at its 20th return where nobody says more, and counts clean closes. -1 would be none
#: there, and on 3.10 the very first.
DELIVERY_LIMIT = 1_000_000

#: The RabbitMQ from which quorum queues keep dead letters at least once.
QUORUM_FROM = (3, 10)


class Broker:
    """One connection. After any failure it is closed for good: an answer that comes late would be taken for another.

    Args:
        timeout: the seconds that each answer may take.
        heartbeat: seconds between two heartbeats; 0 for none, where nobody would send them.

    Raises:
        BrokerUnavailable: it cannot be reached, or refuses.
        InvalidSettings: the setting ``BROKER`` is no broker's URL.
    """

    def __init__(self, timeout: float, heartbeat: int = 0) -> None:
        self.url, self.socket, self._timeout = address(), None, timeout
        try:
            self.connection = kombu.Connection(
                self.url, connect_timeout=timeout, heartbeat=heartbeat, transport_options=options_for(self.url, timeout)
            )
            self.is_amqp = self.connection.transport.driver_type == "amqp"
        except (ImportError, KeyError, ValueError) as error:
            raise InvalidSettings(f"{NAME}['BROKER'] cannot be used: {told(error, self.url)}.") from error
        with self.explained():
            self.connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=timeout)
            if self.is_amqp:
                self.socket = self.connection.connection.sock
                self.limit(timeout)

    socket: socket.socket | None

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Whatever fails inside closes the connection; what a broker says is raised without the password."""
        try:
            yield
        except BaseException as error:
            self.close()
            connection = self.connection
            errors = (*connection.connection_errors, *connection.channel_errors, OSError, KombuError)
            if isinstance(error, errors):
                raise BrokerUnavailable(f"The broker of clicks cannot be used: {told(error, self.url)}") from error
            raise

    def limit(self, seconds: float) -> None:
        """Wait no longer for an answer; py-amqp itself waits for ever, whatever its own ``read_timeout`` is."""
        if self.socket is not None:
            self.socket.settimeout(seconds)

    def limit_to(self, deadline: float) -> float:
        """Wait for an answer until a moment of ``time.monotonic()``; the seconds until then.

        Raises:
            TimeoutError: it has passed.
        """
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        self.limit(left)
        return left

    def declare(self) -> list[str]:
        """Declare what is not there yet, and leave what is.

        Returns:
            A sentence about each thing that is another one than would have been declared: it is used as it is.
        """
        name = clicks_settings().QUEUE
        exchange = kombu.Exchange(name, "direct", durable=True)
        dead = kombu.Queue(dead_letters(), durable=True, queue_arguments=self._arguments())
        queue = kombu.Queue(name, exchange, ROUTING_KEY, durable=True, queue_arguments=self._arguments(dead.name))
        found = [self._declared(f"The queue {dead.name!r}", dead.queue_declare)] if self.is_amqp else []
        found.append(self._declared(f"The exchange {name!r}", exchange.declare))
        found.append(self._declared(f"The queue {name!r}", queue.queue_declare))
        found.append(self._declared(f"The binding of the queue {name!r}", queue.queue_bind))
        return [sentence for sentence in found if sentence]

    def _declared(self, what: str, declare: Any) -> str:
        # On a channel of its own: where the broker refuses, it closes it, and py-amqp opens it again behind our back.
        channel = self.connection.channel()
        try:
            entity = declare.__self__.bind(channel)
            getattr(entity, declare.__name__)()
        except PreconditionFailed as error:
            return f"{what} is there already, and another one than this package declares: {told(error, self.url)}"
        except AccessRefused as error:
            return f"{what} cannot be declared, because the broker's user may not: {told(error, self.url)}"
        finally:
            self.connection.maybe_close_channel(channel)
        return ""

    def _arguments(self, dead: str = "") -> dict[str, Any]:
        """Those of a quorum queue, where the broker has them."""
        if not self.is_amqp:
            return {}
        broker = self.connection.connection.server_properties
        if broker.get("product") != "RabbitMQ" or version_string_as_tuple(broker["version"]) < QUORUM_FROM:
            return {}
        limit: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}
        if dead:
            limit |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
            limit |= {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
        return limit

    def producer(self, channel: Any) -> Any:
        """What publishes on a channel; it declares nothing."""
        return kombu.Producer(channel, auto_declare=False)

    def consume(self, take: Callable[[Any], None], prefetch: int) -> None:
        """Have the messages of the queue handed over, on a channel of their own, also those that Kombu cannot decode.

        Args:
            take: called with each message, by whoever waits for events.
            prefetch: how many may be handed over before they are acknowledged.
        """
        self.consumer = kombu.Consumer(
            self.connection.channel(),
            [kombu.Queue(clicks_settings().QUEUE, no_declare=True)],
            on_message=take,
            on_decode_error=lambda message, error: take(message),
            prefetch_count=prefetch,
            auto_declare=False,
        )
        self.consumer.consume()

    def drain(self, seconds: float, is_enough: Callable[[], bool]) -> None:
        """Hand over messages that have come, and wait for the next one.

        Args:
            seconds: how long to wait for each.
            is_enough: asked after each.

        Raises:
            TimeoutError: none came.
        """
        # py-amqp would set a time that it is given again for each part of each frame: six times a message.
        self.limit(seconds)
        try:
            while True:
                self.connection.drain_events(timeout=None if self.is_amqp else seconds)
                if is_enough():
                    return
        finally:
            self.limit(self._timeout)

    def close(self, *, politely: bool = False) -> None:
        """Close the connection.

        Args:
            politely: say so to the broker, after what is still on its way to it; else nothing is waited for.
        """
        with contextlib.suppress(Exception):
            if not politely and self.socket is not None:
                self.socket.close()
            self.connection.release()

    def forget(self) -> None:
        """In a process that was forked off: the connection is the parent's, who would not survive its end here."""
        if self.socket is not None:
            os.close(self.socket.detach())


def refuse_unusable() -> None:
    """Look at the setting alone, without asking the broker.

    Raises:
        InvalidSettings: the setting ``BROKER`` is no broker's URL, or a package that it needs is not installed.
    """
    url = address()
    try:
        kombu.Connection(url).create_transport()
    except (ImportError, KeyError, ValueError) as error:
        raise InvalidSettings(f"{NAME}['BROKER'] cannot be used: {told(error, url)}.") from error


def address() -> str:
    """The URL of the broker.

    Raises:
        InvalidSettings: there is none.
    """
    url = clicks_settings().BROKER
    if url is None:
        raise InvalidSettings(f"{NAME}['BROKER'] is not set: it takes a URL, such as 'amqp://user:password@host//'.")
    return url


def dead_letters() -> str:
    """The name of the queue of what cannot be counted."""
    return f"{clicks_settings().QUEUE}.dead"


def told(error: BaseException, url: str) -> str:
    """What an error says, without what is secret in a broker's URL."""
    text = described(error) or type(error).__name__
    # Of several brokers, each has its own.
    secrets = [part.rpartition("@")[0].partition("://")[2] for part in url.split(";")]
    for secret in secrets:
        for hidden in (secret, secret.partition(":")[2]):
            text = text.replace(hidden, "**") if hidden else text
    return text


def options_for(url: str, timeout: float) -> dict[str, Any]:
    """The transport's own, under its own names."""
    if url.startswith(("redis", "sentinel")):
        return {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    return {}
