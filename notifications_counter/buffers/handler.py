"""The buffers that the settings configure."""

import threading
from collections.abc import Iterator
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..conf import SETTING, get_settings
from ..exceptions import InvalidSettings, unknown
from .base import Buffer
from .database import DatabaseBuffer


class BufferHandler:
    """Alias -> buffer, made on first use and shared by all threads."""

    def __init__(self) -> None:
        self._made: dict[str, Buffer] = {}
        self._lock = threading.Lock()

    def __getitem__(self, alias: str) -> Buffer:
        try:
            return self._made[alias]
        except KeyError:
            with self._lock:
                if alias not in self._made:
                    self._made[alias] = self._make(alias)
            return self._made[alias]

    def in_database(self, alias: str) -> Buffer:
        """The buffer that has the place of another one, for counters of which that one cannot compare the keys."""
        name = f"{alias}, in the database"
        if name not in self._made:
            instead = DatabaseBuffer(alias, {"CHUNK_SIZE": self[alias].chunk_size})
            with self._lock:
                self._made.setdefault(name, instead)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(get_settings().BUFFERS)

    def _make(self, alias: str) -> Buffer:
        configured = get_settings().BUFFERS
        if alias not in configured:
            raise InvalidSettings(f"{SETTING}['BUFFERS']: {unknown('buffer', alias, configured)}")
        path = configured[alias]["BACKEND"]
        try:
            backend = import_string(path)
        except ImportError as error:
            raise InvalidSettings(f"{SETTING}['BUFFERS'][{alias!r}]: cannot import {path!r}: {error}") from error
        if not (isinstance(backend, type) and issubclass(backend, Buffer)):
            raise InvalidSettings(f"{SETTING}['BUFFERS'][{alias!r}]: {path!r} is no buffer.")
        return backend(alias, configured[alias].get("OPTIONS", {}))

    def forget(self, *, setting: str, **kwargs: Any) -> None:
        if setting == SETTING:
            for buffer in self._made.values():
                buffer.close()
            self._made.clear()


buffers = BufferHandler()
setting_changed.connect(buffers.forget)
