"""Logs: where the messages of topics are. One interface, in ``base``; one module for each kind."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ....conf import SETTING
from ....exceptions import InvalidSettings, quoted, unknown
from ..conf import NAME, streams_settings
from .base import Log


@cache
def get_log(alias: str = "default") -> Log:
    """The log of an alias in the settings.

    Args:
        alias: the alias.

    Raises:
        InvalidSettings: there is no such alias, or what it says cannot be used.
        MissingExtra: a package that it needs is not installed.
    """
    logs = streams_settings().LOGS
    if alias not in logs:
        raise InvalidSettings(f"{NAME}['LOGS']: {unknown('log', alias, logs)}")
    backend, options = logs[alias]["BACKEND"], logs[alias].get("OPTIONS", {})
    try:
        log_class: type[Log] = import_string(backend)
    except ImportError as error:
        raise InvalidSettings(f"{NAME}['LOGS'][{alias!r}]['BACKEND'] {quoted(backend)}: {error}") from error
    return log_class(alias, options)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == SETTING:
        get_log.cache_clear()


setting_changed.connect(_forget)
