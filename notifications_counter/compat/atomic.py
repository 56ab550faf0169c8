"""Transactions that leave a caller's block as usable as it would be without them.

``atomic(savepoint=False)`` marks the caller's block for a rollback at any exception, and a block of our own rolls back
what Django would have committed: what a receiver raises after the row was written, for instance. Django has no block
that passes an exception on and commits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper


class Undo(Exception):
    """Raised inside of ``block`` to roll back what was done in it."""


def block(using: str, savepoint: bool = False) -> AbstractContextManager[None]:
    """Be inside a transaction: the caller's, or else one of our own.

    An exception of a program passes through and undoes nothing that the program would have kept. One of the database,
    or an ``Undo``, rolls back our own transaction, and nothing of the caller's.

    Args:
        using: the database alias.
        savepoint: whether to be inside a savepoint of our own.
    """
    return block_on(transaction.get_connection(using), savepoint)


@contextmanager
def block_on(connection: BaseDatabaseWrapper, savepoint: bool = False) -> Iterator[None]:
    """The same on a connection, for who has looked for it already."""
    if connection.in_atomic_block and not savepoint:
        yield
        return
    failure: Exception | None = None
    with transaction.atomic(using=connection.alias, savepoint=savepoint):
        try:
            yield
        except (DatabaseError, Undo):
            raise
        except Exception as error:
            if connection.needs_rollback:
                raise
            failure = error
    if failure is not None:
        raise failure


def joined(connection: BaseDatabaseWrapper) -> AbstractContextManager[Any]:
    """Be inside the caller's transaction, or else one of our own, which is rolled back if something fails in here.

    As ``atomic(savepoint=False)``, at a fraction of its time where a transaction is open already.
    """
    if connection.in_atomic_block:
        return counted(connection.alias)
    return transaction.atomic(using=connection.alias)


def counted(using: str) -> AbstractContextManager[None]:
    """Roll the transaction back if something fails in here: a change that has been made would stay uncounted."""
    return _Counted(using)


class _Counted(AbstractContextManager[None]):
    """Django's ``mark_for_rollback_on_error``: as a generator it takes longer than what is usually done in it."""

    def __init__(self, using: str) -> None:
        self._using = using

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, Exception):
            with suppress(type(error)), transaction.mark_for_rollback_on_error(using=self._using):
                raise error
