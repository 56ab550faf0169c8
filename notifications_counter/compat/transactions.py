"""Transactions: Django runs hooks after a commit, and has none before it; so a connection's ``commit`` is wrapped."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

#: On the connection's ``commit``: that it is wrapped.
WRAPPED = "notifications_counter_wrapped"


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


def before_commits(connection: BaseDatabaseWrapper, call: Callable[[BaseDatabaseWrapper], None]) -> None:
    """Call something just before each commit of a connection, which fails with it; a second call changes nothing."""
    commit = connection.commit
    if getattr(commit, WRAPPED, False):
        return

    @wraps(commit)
    def wrapped_commit() -> None:
        try:
            call(connection)
        except BaseException:
            connection.rollback()  # Django does so only where the database has failed
            raise
        commit()

    setattr(wrapped_commit, WRAPPED, True)
    connection.commit = wrapped_commit  # type: ignore[method-assign]
