"""What processes tell each other through Redis: one channel for each counter and database, that a cluster passes on."""

from __future__ import annotations

from ...ledger.progress import Layout
from ...ledger.store import CounterStore
from .client import text
from .server import RedisServer


def channel_of(layout: Layout, store: CounterStore) -> str:
    """The channel of a counter. It says whose it is: a server's databases share their channels."""
    return f"{layout.prefix}:{store.digest}:news"


class RedisSubscription:
    """Hears one channel. The client connects again by itself, and its confirmation says that something may be lost."""

    waits = True

    def __init__(self, server: RedisServer, channel: str) -> None:
        self._pubsub = server.client.pubsub()
        self._channel = channel
        self._is_subscribed = False

    def fileno(self) -> int | None:
        return None

    def messages(self, timeout: float) -> list[str] | None:
        """What has come; see ``Subscription``.

        Raises:
            redis.RedisError: the server does not answer.
        """
        if not self._is_subscribed:
            self._pubsub.subscribe(self._channel)
            self._is_subscribed = True
        found: list[str] = []
        while message := self._pubsub.get_message(timeout=0 if found else timeout):
            if message["type"] != "message":  # a confirmation: of the first connection, or of another one
                return None
            found.append(text(message["data"]))
        return found

    def close(self) -> None:
        self._pubsub.close()
