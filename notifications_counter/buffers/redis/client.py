"""The client of the Redis buffer, from ``URL``, ``CACHE`` or ``CLIENT``, and the shapes of its replies."""

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from time import monotonic
from typing import Any

from django.utils.module_loading import import_string

from ...exceptions import InvalidSettings, MissingExtra
from .options import client_option

try:
    import redis
    from redis import asyncio as asynchronous
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import NoBackoff
    from redis.exceptions import ClusterError, MasterDownError, NoScriptError, RedisClusterException
    from redis.retry import Retry
except ImportError as error:
    raise MissingExtra("redis", "redis") from error

try:
    from django_redis import get_redis_connection
except ImportError:  # needed for CACHE alone
    get_redis_connection = None

__all__ = [
    "DEFAULT_LIMIT",
    "DEFAULT_TIMEOUT",
    "ERRORS",
    "UNREACHABLE",
    "Connections",
    "NoScriptError",
    "escaped",
    "from_url",
    "function_at",
    "is_cluster",
    "is_cut",
    "is_full_pool",
    "is_refusal",
    "lacks_permission",
    "limit_of",
    "make_async_client",
    "make_client",
    "redis",
    "shares_a_connection",
    "text",
    "texts",
    "unlink",
    "was_heard",
]

#: What a client raises where there is no answer, a cluster's too: it is down, or no node of it holds the key.
UNREACHABLE = (redis.ConnectionError, redis.TimeoutError, ClusterError, RedisClusterException)

#: What a client raises where the server answers, but refuses everything.
REFUSES_ALL = (redis.BusyLoadingError, redis.AuthenticationError, MasterDownError, redis.exceptions.AuthorizationError)

#: What a server says that takes no writes, or nothing at all, for now. Redis 6.2 says it in the middle, of scripts.
REFUSALS = re.compile(
    r"(^|[ -])(MISCONF|NOREPLICAS|READONLY|OOM|BUSY|LOADING|MASTERDOWN) "
    r"|max number of clients|command not allowed when used"
)

#: What it says to a user who lacks a permission, or of a command that it does not have.
FORBIDDEN = re.compile(
    r"NOPERM|NOAUTH|WRONGPASS|no permissions|can't run this command|can't access at least|ACL failure"
    r"|nknown (Redis )?command"
)

#: What a pool says of which all connections are in use, which is no sign of the server.
FULL_POOL = re.compile(r"Too many connections|No connection available")

#: How messages begin of connections that were not made.
CONNECTING = re.compile(r"^(Error .*connecting to|Timeout connecting)")

#: All that a client raises.
ERRORS = (redis.RedisError, RedisClusterException)

#: Keys that are deleted in one call.
KEYS_A_CALL = 1000

#: A thread has one connection at most: no thread must fail for want of one, as it would with redis-py's own limit.
CONNECTIONS = 2**31

#: What redis-py itself waits for a reply; None for ever.
DEFAULT_TIMEOUT: float | None = redis.Connection().socket_timeout  # type: ignore[no-untyped-call]

#: How many connections redis-py lets a pool have that is told nothing.
DEFAULT_LIMIT: int = redis.ConnectionPool().max_connections

#: For how many seconds a connection that was used counts as one that is still there. It may be gone all the same, as
#: any may be; a server closes those that have been idle for a second at least.
TRUSTED = 0.25

#: Tasks of an event loop wait for one of so many connections.
ASYNC_CONNECTIONS = 50


def lacks_permission(error: Exception) -> bool:
    """Whether a user may not do what it was asked for."""
    refused = (redis.AuthenticationError, redis.exceptions.AuthorizationError, redis.exceptions.NoPermissionError)
    return isinstance(error, refused) or (isinstance(error, redis.ResponseError) and bool(FORBIDDEN.search(str(error))))


def is_refusal(error: Exception) -> bool:
    """Whether the server has answered, and done nothing of what it was asked for."""
    if isinstance(error, (*REFUSES_ALL, redis.ReadOnlyError, redis.exceptions.OutOfMemoryError)):
        return True
    may_be = isinstance(error, redis.ResponseError | redis.ConnectionError) and not isinstance(error, ClusterError)
    return may_be and (lacks_permission(error) or bool(REFUSALS.search(str(error))))


def is_full_pool(error: Exception) -> bool:
    """Whether a client had no connection left to ask by."""
    return isinstance(error, redis.ConnectionError) and bool(FULL_POOL.search(str(error)))


def is_cut(error: Exception) -> bool:
    """Whether a connection was cut, perhaps while it was idle."""
    others = (*REFUSES_ALL, redis.TimeoutError)
    return isinstance(error, redis.ConnectionError) and not isinstance(error, others) and not is_full_pool(error)


def was_heard(error: BaseException | None) -> bool:
    """Whether the server may have done what it was asked for: not if nobody asked, or no connection was made."""
    return error is not None and not CONNECTING.search(str(error))


def make_client(alias: str, options: Mapping[str, Any]) -> Any:
    """The client that the options name.

    Raises:
        InvalidSettings: it cannot be made.
        MissingExtra: ``CACHE`` is given and django-redis is not installed.
    """
    option = client_option(alias, options)
    if option == "URL":
        return from_url(alias, options["URL"], options["TIMEOUT"])
    return _from_cache(options["CACHE"]) if option == "CACHE" else function_at(alias, option, options["CLIENT"])()


def from_url(alias: str, url: str, timeout: float) -> Any:
    """A client of one server, which is not asked yet.

    Raises:
        InvalidSettings: the URL cannot be used.
    """
    try:
        return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), max_connections=CONNECTIONS, **_times(timeout))
    except ValueError as error:
        # What came before it is not told either: a part of a password may be in there.
        said = f": {error}" if shown(url) == url else ", whose password is left out here"
        raise InvalidSettings(f"Buffer {alias!r}: URL {shown(url)!r} cannot be used{said}.") from None


class Connections:
    """The connections of a client of ``from_url``.

    They are spoken to as the client does it, but for retries, of which it has none, its metrics, and callbacks for the
    reply: these take it as long as everything else. For the same reason they are not given back to its pool.
    """

    def __init__(self, client: Any) -> None:
        self._pool = client.connection_pool
        name = inspect.signature(self._pool.get_connection).parameters["command_name"]
        self._required = ("EVALSHA",) if name.default is name.empty else ()  # redis-py 5; later it is deprecated
        self._idle: list[tuple[Any, float]] = []  # each with when it was used
        self._pid = os.getpid()

    def execute(self, *command: Any) -> Any:
        """Send a command and read its reply."""
        connection = self._take()
        try:
            connection.send_command(*command)
            return connection.read_response()
        except redis.ResponseError:  # which was read: the connection is as good as before
            raise
        except BaseException:  # whatever ends this, no other command may read its reply
            connection.disconnect()
            raise
        finally:
            self._give_back(connection)

    def send(self, commands: Sequence[bytes]) -> Callable[[], list[Any]]:
        """Send commands, put together already.

        Returns:
            What reads the reply to each, or its error. It must be called, once.
        """
        connection = self._take()
        try:
            connection.send_packed_command([b"".join(commands)])
        except BaseException:
            connection.disconnect()
            self._give_back(connection)
            raise
        return lambda: self._read(connection, commands)

    def drop(self) -> None:
        """Close those that nobody uses."""
        while self._idle:
            with suppress(IndexError):  # another thread has taken it
                self._idle.pop()[0].disconnect()

    def _take(self) -> Any:
        if self._pid != os.getpid():  # those of the process that this one was forked from are not ours
            self._idle, self._pid = [], os.getpid()
        try:
            connection, used_at = self._idle.pop()
        except IndexError:
            return self._pool.get_connection(*self._required)
        if monotonic() - used_at > TRUSTED and _is_spoilt(connection):
            connection.disconnect()
        return connection

    def _read(self, connection: Any, commands: Sequence[Any]) -> list[Any]:
        try:
            return [_reply(connection) for _ in commands]
        except BaseException:
            connection.disconnect()
            raise
        finally:
            self._give_back(connection)

    def _give_back(self, connection: Any) -> None:
        self._idle.append((connection, monotonic()))


def _is_spoilt(connection: Any) -> bool:
    """Whether an idle connection was closed by the server, or has something to read that nobody has asked for."""
    try:
        return bool(connection.can_read())
    except (*UNREACHABLE, OSError):
        return True


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


def shown(url: str) -> str:
    """A URL without its user and password, which may stand in front of the host or in the query."""
    scheme, mark, rest = url.partition("://")
    if not mark and "@" not in url:
        return url if "password" not in url.lower() else "***"
    _, at, host = rest.rpartition("@") if mark else url.rpartition("@")
    host = re.sub(r"(?i)((?:user(?:name)?|password)=)[^&#]*", r"\1***", host)
    return f"{scheme}{mark}{'***@' if at else ''}{host}" if mark else f"***@{host}"


def make_async_client(alias: str, options: Mapping[str, Any]) -> Any:
    """A client for the event loop that runs; None where no option names one.

    Raises:
        InvalidSettings: it cannot be made.
    """
    if options["ASYNC_CLIENT"] is not None:
        return function_at(alias, "ASYNC_CLIENT", options["ASYNC_CLIENT"])()
    if options["URL"] is None:
        return None
    settings = _times(options["TIMEOUT"]) | {"max_connections": ASYNC_CONNECTIONS, "timeout": options["TIMEOUT"]}
    pool = asynchronous.BlockingConnectionPool.from_url(options["URL"], retry=AsyncRetry(NoBackoff(), 0), **settings)
    return asynchronous.Redis.from_pool(pool)


def _times(timeout: float) -> dict[str, Any]:
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout}


def _from_cache(cache: str) -> Any:
    if get_redis_connection is None:
        raise MissingExtra("django-redis", "redis")
    try:
        return get_redis_connection(cache)
    except NotImplementedError as error:
        raise InvalidSettings(f"CACHE {cache!r} is no cache of django-redis.") from error


def function_at(alias: str, option: str, path: str) -> Any:
    """The function that an option names.

    Raises:
        InvalidSettings: there is none.
    """
    if not isinstance(path, str):
        raise InvalidSettings(f"Buffer {alias!r}: {option} must be a string, not {path!r}.")
    try:
        function = import_string(path)
    except ImportError as error:
        raise InvalidSettings(f"Buffer {alias!r}: cannot import {option} {path!r}: {error}") from error
    if not callable(function):
        raise InvalidSettings(f"Buffer {alias!r}: {option} {path!r} is no function that returns a client.")
    return function


def shares_a_connection(client: Any) -> bool:
    """Whether all threads, and all processes that were forked after it was made, take turns on one connection."""
    return getattr(client, "connection", None) is not None


def limit_of(client: Any) -> int:
    """How many connections a client may have; of a cluster, to each node."""
    if is_cluster(client):
        return client.nodes_manager.connection_kwargs.get("max_connections") or DEFAULT_LIMIT
    return int(client.connection_pool.max_connections)


def is_cluster(client: Any) -> bool:
    return hasattr(client, "get_node_from_key")


def unlink(client: Any, pattern: str) -> None:
    """Delete all Redis keys of a pattern, in which braces say on which node of a cluster they are."""
    # Other nodes have none of them, and one that is away would keep this from its end.
    where = {"target_nodes": client.get_node_from_key(pattern)} if is_cluster(client) else {}
    names = client.scan_iter(pattern, count=KEYS_A_CALL, **where)
    while part := list(islice(names, KEYS_A_CALL)):
        client.unlink(*part)


def escaped(name: str) -> str:
    """A text as a pattern that is itself and nothing else."""
    return re.sub(r"([*?\[\]\\^-])", r"\\\1", name)


def text(reply: Any) -> str:
    """A string of a reply: bytes, or text where the client decodes replies."""
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def texts(reply: Any) -> Any:
    """A reply of a script with all its strings as text; lists stay lists."""
    if isinstance(reply, list | tuple):
        return [item.decode() if type(item) is bytes else texts(item) for item in reply]
    return text(reply) if isinstance(reply, bytes | str) else reply
