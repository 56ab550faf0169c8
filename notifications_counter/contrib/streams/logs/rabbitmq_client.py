"""The client of RabbitMQ streams, rstream: where it connects to, and what its errors mean.

Only its lower level is used, ``rstream.client``. The upper one chooses by itself when to connect again and where to go
on, counts what it has confirmed by names of producers, and knows no offset of what it has published.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ....exceptions import InvalidSettings, MissingExtra, described
from ..exceptions import LogUnavailable

# Here alone, so that whoever lacks it is told how to get it.
try:
    from rstream import AMQPMessage as AMQPMessage
    from rstream import OffsetType as OffsetType
    from rstream import Properties as Properties
    from rstream import ServerError as ServerError
    from rstream import StreamDoesNotExist as StreamDoesNotExist
    from rstream import amqp_decoder as amqp_decoder
    from rstream import schema as schema
    from rstream.client import Addr as Addr
    from rstream.client import Client as Client
    from rstream.client import ClientPool as ClientPool
    from rstream.exceptions import ClientError as ClientError
    from rstream.exceptions import StreamAlreadyExists as StreamAlreadyExists
except ImportError as error:
    raise MissingExtra("rstream", "rabbitmq-streams") from error

#: What comes of a subscription.
Chunk = schema.Deliver
PORT, TLS_PORT = 5552, 5551


class Address(NamedTuple):
    """Where a RabbitMQ is, and who asks it."""

    host: str
    port: int
    user: str
    password: str
    virtual_host: str
    tls: bool


def address_of(url: object, where: str) -> Address:
    """The address that a URL such as ``rabbitmq-stream://user:password@host:5552/%2F`` means.

    Args:
        url: the URL; ``rabbitmq-stream+tls://`` for a connection that is encrypted.
        where: the name of the option.

    Raises:
        InvalidSettings: it is none. The message has no password.
    """
    schemes = ("rabbitmq-stream", "rabbitmq-stream+tls")
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        port, host = parts.port, parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme not in schemes:
        raise InvalidSettings(f"{where} must be like 'rabbitmq-stream://user:password@host:5552/%2F'.")
    tls = parts.scheme == schemes[1]
    user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
    port = port or (TLS_PORT if tls else PORT)
    return Address(host, port, user, password, unquote(parts.path.removeprefix("/")) or "/", tls)


def unavailable(error: BaseException, doing: str) -> LogUnavailable:
    """An error of the client, as one that may pass.

    Args:
        error: the error.
        doing: what failed, such as "append messages".
    """
    said = "no answer in time" if isinstance(error, TimeoutError) else described(error)
    return LogUnavailable(f"RabbitMQ could not {doing}: {type(error).__name__}: {said}")


def led(broker: schema.Broker | None) -> schema.Broker:
    """The broker that leads a stream.

    Raises:
        OSError: there is none just now.
    """
    if broker is None:
        raise OSError("the stream has no leader")
    return broker
