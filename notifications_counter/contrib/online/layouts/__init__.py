"""Where it is noted who is online: one class for each way, which says what it can do."""

from __future__ import annotations

import threading
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ....buffers import buffers
from ....conf import SETTING
from ..conf import online_settings
from .base import Layout

PATHS = {
    "buckets": f"{__name__}.buckets.Buckets",
    "two_sets": f"{__name__}.two_sets.TwoSets",
    "database": f"{__name__}.database.InDatabase",
}

_made: list[Layout] = []
_lock = threading.Lock()


def layout() -> Layout:
    """The layout that the settings ask for.

    Raises:
        InvalidSettings: a setting is wrong, or no Redis is configured for a layout that needs one.
        MissingExtra: it needs redis-py, which is not installed.
    """
    if not _made:
        with _lock:
            if not _made:
                _made.append(import_string(PATHS[chosen()])())
    return _made[0]


def chosen() -> str:
    """The name of the layout that the settings ask for."""
    settings = online_settings()
    has_redis = settings.LOCATION is not None or redis_alias() is not None
    return settings.LAYOUT or ("buckets" if has_redis else "database")


def redis_alias() -> str | None:
    """The alias of the first buffer that has a Redis; None where none has."""
    return next((alias for alias in sorted(buffers, key="default".__ne__) if hasattr(buffers[alias], "server")), None)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == SETTING:
        for each in _made:
            each.close()
        _made.clear()


setting_changed.connect(_forget)
