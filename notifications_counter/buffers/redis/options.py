"""The options of a Redis buffer, checked."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from django.utils.module_loading import import_string

from ...conf import is_number
from ...exceptions import InvalidSettings

DEFAULTS: Mapping[str, Any] = {
    "URL": None,
    "CACHE": None,
    "CLIENT": None,
    "ASYNC_CLIENT": None,
    "PREFIX": "nc",
    "SHARDS": 1,
    "INTENT_GRACE": 60,
    "MAX_TRANSACTION_AGE": 86_400,
    "CACHE_TTL": 3600,
    "TIMEOUT": 1,
    "DATABASE_ONLY": False,
    "THREADS": None,
}

#: Of these exactly one names the client.
CLIENT_OPTIONS = ("URL", "CACHE", "CLIENT")


def client_option(alias: str, options: Mapping[str, Any]) -> str:
    """Which option names the client.

    Raises:
        InvalidSettings: none of them does, or several.
    """
    given = [name for name in CLIENT_OPTIONS if options[name] is not None]
    if len(given) != 1:
        said = ", ".join(given) or "none"
        raise InvalidSettings(f"Buffer {alias!r} needs exactly one of the options URL, CACHE and CLIENT, not {said}.")
    if not isinstance(options[given[0]], str):  # whose value is not shown: a password may be in there
        kind = type(options[given[0]]).__name__
        raise InvalidSettings(f"Buffer {alias!r}: {given[0]} must be a string, not of type {kind}.")
    return given[0]


def prefix(alias: str, options: Mapping[str, Any]) -> str:
    """``PREFIX``: a text, or what the function returns that it is or names by a dotted path.

    Raises:
        InvalidSettings: it cannot begin the names of Redis keys, or does not fit in the progress row; or there is no
            such function, or it fails.
    """
    value = options["PREFIX"]
    function = _function(alias, value) if is_path(value) else value
    if callable(function):
        try:
            value = function()
        except Exception as error:
            raise InvalidSettings(f"Buffer {alias!r}: PREFIX {value!r} failed: {error!r}.") from error
    if not isinstance(value, str) or not value or len(value) > 100 or set(value) & set("{}"):
        raise InvalidSettings(
            f"Buffer {alias!r}: PREFIX must be a text of 1 to 100 characters without braces, not {value!r}."
        )
    return value


def is_path(value: Any) -> bool:
    """Whether a ``PREFIX`` is a dotted path: its first part is a module that can be imported."""
    if not (isinstance(value, str) and "." in value and all(part.isidentifier() for part in value.split("."))):
        return False
    return find_spec(value.partition(".")[0]) is not None


def _function(alias: str, path: str) -> Any:
    try:
        found = import_string(path)
    except ImportError as error:
        raise InvalidSettings(f"Buffer {alias!r}: PREFIX {path!r} cannot be imported: {error}.") from error
    if not callable(found):
        raise InvalidSettings(f"Buffer {alias!r}: PREFIX {path!r} is no function, but {found!r}.")
    return found


def check_timeout(alias: str, options: Mapping[str, Any]) -> None:
    """Refuse a ``TIMEOUT`` that is no number of seconds.

    Raises:
        InvalidSettings: it is none.
    """
    value = options["TIMEOUT"]
    if not (is_number(value) and value > 0):
        raise InvalidSettings(f"Buffer {alias!r}: TIMEOUT must be a number of seconds, not {value!r}.")


def yes_or_no(alias: str, options: Mapping[str, Any], name: str) -> bool:
    """An option that is either true or false.

    Raises:
        InvalidSettings: it is neither.
    """
    value = options[name]
    if not isinstance(value, bool):
        raise InvalidSettings(f"Buffer {alias!r}: {name} must be True or False, not {value!r}.")
    return value
