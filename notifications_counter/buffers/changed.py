"""Whom to tell after a commit which keys of a counter it has changed: once for each transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..compat.transactions import hooks, sends_after_commit
from ..declaration.counter import CounterDeclaration

logger = logging.getLogger("notifications_counter")

#: On the connection: what its open transaction has changed.
ATTRIBUTE = "_notifications_counter_changed"

#: Takes the keys, as text, and the database alias.
Receiver = Callable[[set[str], str], None]

_receivers: dict[CounterDeclaration, list[Receiver]] = {}


def connect(counter: CounterDeclaration, receiver: Receiver) -> None:
    """Call something after each commit that has changed a counter; see ``revisions.on_change``."""
    receivers = _receivers.setdefault(counter, [])
    if receiver not in receivers:
        receivers.append(receiver)


class _Changes:
    """The keys that one transaction has changed; a hook of its commit."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.keys: dict[CounterDeclaration, set[str]] = {}
        self.hook_list: list[Any] = []

    def __call__(self) -> None:
        for counter, keys in self.keys.items():
            _tell(counter, keys, self.connection.alias)

    @property
    def is_open(self) -> bool:
        """Whether the commit will call it: not after a rollback of the savepoint under which it was made."""
        hook_list = hooks(self.connection)
        if self.hook_list is not hook_list and any(entry[1] is self for entry in hook_list):
            self.hook_list = hook_list
        return self.hook_list is hook_list


def note(counter: CounterDeclaration, keys: Iterable[str], using: str) -> None:
    """Note what a transaction has changed; where none is open, it has been committed already."""
    if counter not in _receivers:
        return
    connection = connections[using]
    if sends_after_commit(connection):
        _changes_of(connection).keys.setdefault(counter, set()).update(keys)
    elif connection.get_autocommit():
        _tell(counter, set(keys), using)


def _changes_of(connection: BaseDatabaseWrapper) -> _Changes:
    known: _Changes | None = vars(connection).get(ATTRIBUTE)
    if known is None or not known.is_open:
        known = _Changes(connection)
        connection.on_commit(known)
        known.hook_list = hooks(connection)
        setattr(connection, ATTRIBUTE, known)
    return known


def _tell(counter: CounterDeclaration, keys: set[str], using: str) -> None:
    for receiver in _receivers[counter]:
        try:
            receiver(keys, using)
        except Exception:  # the change is committed and its caller must not fail
            logger.exception("%s: %r failed after a commit", counter.label, receiver)
