"""The client of the Redis buffer, from ``URL``, ``CACHE`` or ``CLIENT``, and the shapes of its replies."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.utils.module_loading import import_string

from ..exceptions import InvalidSettings, MissingExtra

try:
    import redis
    from redis import asyncio as asynchronous
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import NoBackoff
    from redis.exceptions import ClusterError, NoScriptError, RedisClusterException
    from redis.retry import Retry
except ImportError as error:
    raise MissingExtra("redis", "redis") from error

__all__ = [
    "ERRORS",
    "UNREACHABLE",
    "NoScriptError",
    "check_client",
    "is_cluster",
    "make_async_client",
    "make_client",
    "redis",
    "source_of",
    "text",
    "texts",
    "unlink",
]

#: What a client raises where there is no answer, a cluster's too: it is down, or no node of it holds the key.
UNREACHABLE = (redis.ConnectionError, redis.TimeoutError, ClusterError, RedisClusterException)

#: All that a client raises.
ERRORS = (redis.RedisError, RedisClusterException)

#: Keys that are deleted in one call.
KEYS_A_CALL = 1000

SOURCES = ("URL", "CACHE", "CLIENT")

#: A thread has one connection at most: no thread must fail for want of one, as it would with redis-py's own limit.
CONNECTIONS = 2**31

#: Tasks of an event loop wait for one of so many connections.
ASYNC_CONNECTIONS = 50


def source_of(alias: str, options: Mapping[str, Any]) -> str:
    """Which of the three options names the client.

    Raises:
        InvalidSettings: none of them does, or several.
    """
    given = [name for name in SOURCES if options[name] is not None]
    if len(given) != 1:
        said = ", ".join(given) or "none"
        raise InvalidSettings(f"Buffer {alias!r} needs exactly one of the options URL, CACHE and CLIENT, not {said}.")
    if not isinstance(options[given[0]], str):
        raise InvalidSettings(f"Buffer {alias!r}: {given[0]} must be a string, not {options[given[0]]!r}.")
    return given[0]


def make_client(alias: str, options: Mapping[str, Any]) -> Any:
    """The client that the options name.

    Raises:
        InvalidSettings: it cannot be made.
        MissingExtra: ``CACHE`` is given and django-redis is not installed.
    """
    source = source_of(alias, options)
    if source == "URL":
        return _from_url(alias, options["URL"], options["TIMEOUT"])
    return _from_cache(options["CACHE"]) if source == "CACHE" else _function(alias, source, options["CLIENT"])()


def _from_url(alias: str, url: str, timeout: float) -> Any:
    try:
        return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), max_connections=CONNECTIONS, **_times(timeout))
    except ValueError as error:
        raise InvalidSettings(f"Buffer {alias!r}: URL {url!r} cannot be used: {error}") from error


def make_async_client(alias: str, options: Mapping[str, Any]) -> Any:
    """A client for the event loop that runs; None where no option names one.

    Raises:
        InvalidSettings: it cannot be made.
    """
    if options["ASYNC_CLIENT"] is not None:
        return _function(alias, "ASYNC_CLIENT", options["ASYNC_CLIENT"])()
    if options["URL"] is None:
        return None
    settings = _times(options["TIMEOUT"]) | {"max_connections": ASYNC_CONNECTIONS, "timeout": options["TIMEOUT"]}
    pool = asynchronous.BlockingConnectionPool.from_url(options["URL"], retry=AsyncRetry(NoBackoff(), 0), **settings)
    return asynchronous.Redis.from_pool(pool)


def _times(timeout: float) -> dict[str, Any]:
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout}


def _from_cache(cache: str) -> Any:
    try:
        from django_redis import get_redis_connection
    except ImportError as error:
        raise MissingExtra("django-redis", "redis") from error
    try:
        return get_redis_connection(cache)
    except NotImplementedError as error:
        raise InvalidSettings(f"CACHE {cache!r} is no cache of django-redis.") from error


def _function(alias: str, option: str, path: str) -> Any:
    if not isinstance(path, str):
        raise InvalidSettings(f"Buffer {alias!r}: {option} must be a string, not {path!r}.")
    try:
        function = import_string(path)
    except ImportError as error:
        raise InvalidSettings(f"Buffer {alias!r}: cannot import {option} {path!r}: {error}") from error
    if not callable(function):
        raise InvalidSettings(f"Buffer {alias!r}: {option} {path!r} is no function that returns a client.")
    return function


def is_cluster(client: Any) -> bool:
    return hasattr(client, "get_node_from_key")


def unlink(client: Any, pattern: str) -> None:
    """Delete all Redis keys of a pattern, in which braces say on which node of a cluster they are."""
    # Other nodes have none of them, and one that is away would keep this from its end.
    where = {"target_nodes": client.get_node_from_key(pattern)} if is_cluster(client) else {}
    names = client.scan_iter(pattern, count=KEYS_A_CALL, **where)
    while part := list(islice(names, KEYS_A_CALL)):
        client.unlink(*part)


def check_client(alias: str, options: Mapping[str, Any]) -> list[CheckMessage]:
    """What is wrong, or dangerous, with the option that names the client. Nothing is connected."""
    try:
        if options["URL"] is not None:
            _from_url(alias, options["URL"], options["TIMEOUT"])
        for option in ("CLIENT", "ASYNC_CLIENT"):
            if options[option] is not None:
                _function(alias, option, options[option])
    except InvalidSettings as error:
        return [Error(str(error), hint="Correct that option of the buffer.", id="notifications_counter.E014")]
    return check_cache(alias, options["CACHE"]) if options["CACHE"] is not None else []


def check_cache(alias: str, cache: str) -> list[CheckMessage]:
    """What is wrong, or dangerous, with the cache that a buffer shares."""
    configured = settings.CACHES.get(cache)
    if configured is None:
        hint = f"Configured are: {', '.join(sorted(settings.CACHES))}."
        message = f"Buffer {alias!r}: CACHE {cache!r} is no alias of CACHES."
        return [Error(message, hint=hint, id="notifications_counter.E012")]
    if not str(configured.get("BACKEND", "")).startswith("django_redis."):
        hint = "Use django_redis.cache.RedisCache, or give the buffer a URL."
        message = f"Buffer {alias!r}: CACHE {cache!r} is a {configured.get('BACKEND')}, which holds no deltas."
        return [Error(message, hint=hint, id="notifications_counter.E013")]
    return _check_alias(alias, cache) + _check_timeout(alias, cache, configured.get("OPTIONS", {}))


def _check_alias(alias: str, cache: str) -> list[CheckMessage]:
    if cache != "default":
        return []
    message = f"Buffer {alias!r} shares the cache 'default', and cache.clear() empties its whole Redis database."
    hint = "Give the buffer an alias of CACHES of its own, with another database number in its LOCATION."
    return [Warning(message, hint=hint, id="notifications_counter.W001")]


def _check_timeout(alias: str, cache: str, options: Mapping[str, Any]) -> list[CheckMessage]:
    missing = [name for name in ("SOCKET_TIMEOUT", "SOCKET_CONNECT_TIMEOUT") if not options.get(name)]
    if not missing:
        return []
    message = (
        f"Buffer {alias!r}: CACHE {cache!r} has no time-out, so a Redis that does not answer holds up every request."
    )
    hint = f"Set {' and '.join(missing)} in the OPTIONS of that cache, to 1 for instance."
    return [Warning(message, hint=hint, id="notifications_counter.W002")]


def text(reply: Any) -> str:
    """A string of a reply: bytes, or text where the client decodes replies."""
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def texts(reply: Any) -> Any:
    """A reply of a script with all its strings as text; lists stay lists."""
    if isinstance(reply, list | tuple):
        return [item.decode() if type(item) is bytes else texts(item) for item in reply]
    return text(reply) if isinstance(reply, bytes | str) else reply
