"""Transactions: Django runs hooks after a commit, and has none before it; so a connection's ``commit`` is wrapped."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.db.backends.base.base import BaseDatabaseWrapper

#: On the connection's ``commit``: that it is wrapped.
WRAPPED = "notifications_counter_wrapped"


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
