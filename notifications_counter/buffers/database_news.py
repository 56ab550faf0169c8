"""What processes tell each other through the database, where it can: PostgreSQL's LISTEN and NOTIFY."""

from __future__ import annotations

import select
from typing import Any

from ..dialects import dialect_of
from ..ledger.store import CounterStore


def channel_of(store: CounterStore) -> str:
    """The channel of a counter in its database."""
    return f"notifications_counter_{store.digest}"


class DatabaseSubscription:
    """Hears one channel on the connection that its thread has anyway, as long as Django keeps that open."""

    waits = False

    def __init__(self, store: CounterStore) -> None:
        self._store = store
        self._heard: list[str] = []
        self._driver: Any = None  # the driver's connection that listens

    @property
    def _is_listening(self) -> bool:
        driver = self._store.connection.connection
        return driver is not None and driver is self._driver and not driver.closed

    def fileno(self) -> int | None:
        return int(self._driver.fileno()) if self._is_listening else None

    def messages(self, timeout: float) -> list[str] | None:
        """What has come; see ``Subscription``. It never waits.

        Raises:
            django.db.Error: the database does not answer.
        """
        if not self._is_listening:
            self._listen()
            return None
        if not self._heard and select.select([self._driver], [], [], 0)[0]:
            with self._store.connection.cursor() as cursor:
                cursor.execute("SELECT 1")  # the driver hands on what it finds before the answer
        heard = list(self._heard)
        self._heard.clear()
        return heard

    def _listen(self) -> None:
        connection = self._store.connection
        connection.close_if_unusable_or_obsolete()
        heard: list[str] = []
        dialect_of(connection).listen(connection, channel_of(self._store), heard.append)
        self._heard, self._driver = heard, connection.connection

    def close(self) -> None:
        self._driver = None
        self._store.connection.close()
