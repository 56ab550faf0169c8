"""System checks of the options that name a client."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from ...exceptions import InvalidSettings
from .client import DEFAULT_TIMEOUT, ERRORS, from_url, function_at, shares_a_connection


def check_client(alias: str, options: Mapping[str, Any]) -> list[CheckMessage]:
    """What is wrong, or dangerous, with the option that names the client. ``CLIENT`` is called."""
    try:
        if options["URL"] is not None:
            from_url(alias, options["URL"], options["TIMEOUT"])
        for option in ("CLIENT", "ASYNC_CLIENT"):
            if options[option] is not None:
                function_at(alias, option, options[option])
    except InvalidSettings as error:
        return [Error(str(error), hint="Correct that option of the buffer.", id="notifications_counter.E014")]
    if options["CLIENT"] is not None and _shares_a_connection(alias, options["CLIENT"]):
        return [shared_connection(alias, f"CLIENT {options['CLIENT']!r}")]
    return check_cache(alias, options["CACHE"]) if options["CACHE"] is not None else []


def _shares_a_connection(alias: str, path: str) -> bool:
    """Whether a client of the project's own does. Some connect when they are made; one that cannot is no error here."""
    try:
        client = function_at(alias, "CLIENT", path)()
    except ERRORS:
        return False
    found = shares_a_connection(client)
    if found:
        client.close()
    return found


def shared_connection(alias: str, what: str) -> CheckMessage:
    """One connection for all threads and forked processes: each may read what another has asked for."""
    return Error(
        f"Buffer {alias!r}: {what} has single_connection_client=True: processes that are forked later read the answers"
        " to one another's questions, such as other users' counts.",
        hint="Leave single_connection_client out.",
        id="notifications_counter.E045",
    )


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
    given = configured.get("OPTIONS", {})
    if given.get("REDIS_CLIENT_KWARGS", {}).get("single_connection_client"):
        return [shared_connection(alias, f"CACHE {cache!r}")]
    return _check_alias(alias, cache) + _check_timeout(alias, cache, given)


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
