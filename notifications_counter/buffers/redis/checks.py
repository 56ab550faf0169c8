"""System checks of the options that name a client."""

import argparse
import os
import shlex
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from ...conf import is_integer
from ...exceptions import InvalidSettings
from .client import DEFAULT_LIMIT, DEFAULT_TIMEOUT, ERRORS, from_url, function_at, limit_of, shares_a_connection


def check_client(alias: str, options: Mapping[str, Any]) -> list[CheckMessage]:
    """What is wrong, or dangerous, with the option that names the client. ``CLIENT`` is called."""
    try:
        if options["URL"] is not None:
            from_url(alias, options["URL"], options["TIMEOUT"])
        for option in ("CLIENT", "ASYNC_CLIENT"):
            if options[option] is not None:
                function_at(alias, option, options[option])
        threads = _threads(alias, options)
    except InvalidSettings as error:
        return [Error(str(error), hint="Correct that option of the buffer.", id="notifications_counter.E014")]
    if options["CLIENT"] is not None:
        return _check_own(alias, options["CLIENT"], threads)
    return check_cache(alias, options["CACHE"], threads) if options["CACHE"] is not None else []


def _check_own(alias: str, path: str, threads: int) -> list[CheckMessage]:
    """A client of the project's own. Some connect when they are made; one that cannot is no error here."""
    try:
        client = function_at(alias, "CLIENT", path)()
    except ERRORS:
        return []
    what = f"CLIENT {path!r}"
    if shares_a_connection(client):
        client.close()
        return [shared_connection(alias, what)]
    return _check_limit(alias, what, limit_of(client), threads)


def _threads(alias: str, options: Mapping[str, Any]) -> int:
    """How many threads a worker has: what ``THREADS`` says, or Gunicorn is told by the environment; 0 if unknown.

    Raises:
        InvalidSettings: ``THREADS`` is no number of threads.
    """
    given = options["THREADS"]
    if given is not None:
        if not is_integer(given) or given < 1:
            raise InvalidSettings(f"Buffer {alias!r}: THREADS must be a number of threads, not {given!r}.")
        return int(given)
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--threads", type=int, default=0)
    try:
        return int(parser.parse_known_args(shlex.split(os.environ.get("GUNICORN_CMD_ARGS", "")))[0].threads)
    except (argparse.ArgumentError, ValueError):  # which Gunicorn itself refuses
        return 0


def _check_limit(alias: str, what: str, limit: int, threads: int) -> list[CheckMessage]:
    """Each thread takes a connection: those that find none left wait for one."""
    if threads <= limit:
        return []
    return [
        Warning(
            f"Buffer {alias!r}: {what} has at most {limit} connections to Redis, and a worker has {threads} threads:"
            " requests wait for one another.",
            hint=f"Let max_connections of its pool be at least {threads}.",
            id="notifications_counter.W026",
        )
    ]


def shared_connection(alias: str, what: str) -> CheckMessage:
    """One connection for all threads and forked processes: each may read what another has asked for."""
    return Error(
        f"Buffer {alias!r}: {what} has single_connection_client=True: processes that are forked later read the answers"
        " to one another's questions, such as other users' counts.",
        hint="Leave single_connection_client out.",
        id="notifications_counter.E045",
    )


def check_cache(alias: str, cache: str, threads: int) -> list[CheckMessage]:
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
    given = configured.get("OPTIONS", {})
    if given.get("REDIS_CLIENT_KWARGS", {}).get("single_connection_client"):
        return [shared_connection(alias, f"CACHE {cache!r}")]
    limit = given.get("CONNECTION_POOL_KWARGS", {}).get("max_connections") or DEFAULT_LIMIT
    found = _check_alias(alias, cache) + _check_timeout(alias, cache, given)
    return found + _check_limit(alias, f"CACHE {cache!r}", limit, threads)


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
    if DEFAULT_TIMEOUT is None:
        waits = "has no time-out, so a Redis that does not answer holds up every request"
    else:
        waits = (
            f"waits for {DEFAULT_TIMEOUT} s, redis-py's own time-out, so a Redis that does not answer holds up requests"
        )
    message = f"Buffer {alias!r}: CACHE {cache!r} {waits}."
    hint = f"Set {' and '.join(missing)} in the OPTIONS of that cache, to 1 for instance."
    return [Warning(message, hint=hint, id="notifications_counter.W002")]
