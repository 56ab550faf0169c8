"""Intents that are sent before the row is written, so that their server works while the database does.

Only of the save of a new row that is a transaction by itself: what it will count for is known, and the commit follows.
If the commit sends other keys, or there is none, they are taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from ..ledger.store import CounterStore

#: On the connection: what the save that is under way expects of its commit.
ATTRIBUTE = "_notifications_counter_expected"

Keys = Mapping[CounterStore, Sequence[str]]
Refused = dict[CounterStore, set[str]]


class Sent(Protocol):
    """Intents that were sent. One of the methods must be called, once."""

    keys: Keys

    def refused(self) -> Refused: ...

    def withdraw(self) -> None: ...


class Announcer(Protocol):
    """A buffer that is told of deltas before the commit."""

    def intend_ahead(self, token: str, keys: Keys) -> Sent | None: ...


class Expected:
    """The intents of one transaction that were sent ahead.

    Attributes:
        token: of the transaction.
    """

    def __init__(self) -> None:
        self.token = token_hex(16)
        self._sent: dict[Any, Sent] = {}

    def send(self, announcer: Announcer, keys: Keys) -> None:
        """Send the intents of keys, unless some have been sent, or something is wrong with their server."""
        if announcer not in self._sent and (sent := announcer.intend_ahead(self.token, keys)):
            self._sent[announcer] = sent

    def refused(self, announcer: Any, keys: Keys) -> Refused | None:
        """What was refused of keys, if just those were sent ahead; None if they are still to be sent."""
        sent = self._sent.pop(announcer, None)
        if sent is None:
            return None
        if sent.keys == keys:
            return sent.refused()
        sent.withdraw()
        return None

    def withdraw(self) -> None:
        """Take back what no commit has used."""
        while self._sent:
            self._sent.popitem()[1].withdraw()


def of(connection: BaseDatabaseWrapper) -> Expected | None:
    """What the save that is under way expects."""
    found: Expected | None = vars(connection).get(ATTRIBUTE)
    return found


def send(connection: BaseDatabaseWrapper, announcer: Announcer, keys: Keys) -> None:
    """Send intents ahead, of the transaction that is open; ``end`` must follow."""
    expected = of(connection)
    if expected is None:
        expected = Expected()
        setattr(connection, ATTRIBUTE, expected)
    expected.send(announcer, keys)


def end(connection: BaseDatabaseWrapper) -> None:
    """The transaction has ended, one way or the other."""
    expected = vars(connection).pop(ATTRIBUTE, None)
    if expected is not None:
        expected.withdraw()
