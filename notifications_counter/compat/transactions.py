"""Transactions: Django runs hooks after a commit, and has none before it; so a connection's ``commit`` is wrapped."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

#: On a connection's wrapped ``commit``: what is called before it.
CALLS = "notifications_counter_calls"


def hooks(connection: BaseDatabaseWrapper) -> list[Any]:
    """The hooks that run after the commit of the open transaction.

    Django has no name for a transaction, and no signal for a rollback. It replaces this list by another one at a commit
    and at every rollback, that of a savepoint included, and at nothing else: as long as it is the same list, nothing
    was rolled back.
    """
    return connection.run_on_commit


def sends_after_commit(connection: BaseDatabaseWrapper) -> bool:
    """Whether a transaction is open whose commit runs hooks; with autocommit off none does."""
    return connection.in_atomic_block and connection.commit_on_exit


def before_commits(
    connection: BaseDatabaseWrapper, call: Callable[[BaseDatabaseWrapper], None], *, last: bool = False
) -> None:
    """Call something just before each commit of a connection, which fails with it; a second time changes nothing.

    Args:
        connection: the connection.
        call: takes the connection.
        last: whether it must see what the others do in the transaction, and comes behind them.
    """
    calls: list[Callable[[BaseDatabaseWrapper], None]] | None = getattr(connection.commit, CALLS, None)
    if calls is None:
        calls = _wrap_commit(connection)
    if call not in calls:
        calls.insert(len(calls) if last else 0, call)


def _wrap_commit(connection: BaseDatabaseWrapper) -> list[Callable[[BaseDatabaseWrapper], None]]:
    commit = connection.commit
    calls: list[Callable[[BaseDatabaseWrapper], None]] = []

    @wraps(commit)
    def wrapped_commit() -> None:
        try:
            for call in calls:
                call(connection)
        except BaseException:
            connection.rollback()  # Django does so only where the database has failed
            raise
        commit()

    setattr(wrapped_commit, CALLS, calls)
    connection.commit = wrapped_commit  # type: ignore[method-assign]
    return calls
