"""Messages that are emitted in a transaction on the database of their log: appended just before its commit, in it.

So partitions are locked no longer than a commit takes, in one order, whatever the transaction did before. Each is a
hook in Django's list of those that run after the commit: what is no longer there was rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...compat.transactions import before_commits, hooks
from ...dialects import dialect_of


class Staged:
    """One message; called after the commit.

    Args:
        emitter: whose it is.
        waiting: the message and its callback.
        send: appends messages of the emitter, and says where they are.
        report: is told after the commit where the message is; None where the commit has rolled back.
    """

    def __init__(
        self,
        emitter: Any,
        waiting: Any,
        send: Callable[[Sequence[Staged]], Sequence[Any]],
        report: Callable[[Any, Any], object],
    ) -> None:
        self.emitter = emitter
        self.waiting = waiting
        self.send = send
        self.report = report
        self.delivery: Any = None

    def __call__(self) -> None:
        self.report(self.waiting, self.delivery)


def stage(connection: BaseDatabaseWrapper, staged: Staged) -> None:
    """Let a message be appended just before the open transaction commits."""
    before_commits(connection, send_staged)
    connection.on_commit(staged)


def send_staged(connection: BaseDatabaseWrapper, only: Any = None) -> None:
    """Append what was not rolled back; all, or the messages of one emitter."""
    found = [entry[1] for entry in hooks(connection) if isinstance(entry[1], Staged) and entry[1].delivery is None]
    if not found or dialect_of(connection).rolls_back_commits(connection):
        return
    emitters = {id(one.emitter): one.emitter for one in found if only in (None, one.emitter)}
    for emitter in sorted(emitters.values(), key=lambda one: (one.log_alias, one.topic)):
        part = [one for one in found if one.emitter is emitter]
        for one, delivery in zip(part, part[0].send(part), strict=True):
            one.delivery = delivery


def is_test_case(connection: BaseDatabaseWrapper) -> bool:
    """Whether the transaction is that of a ``TestCase``, which never commits."""
    return any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
