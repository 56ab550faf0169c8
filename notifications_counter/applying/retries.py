"""Transactions that are tried again where the database's failure may pass by itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..dialects import dialect_of
from ..exceptions import DatabaseFailed, described

logger = logging.getLogger("notifications_counter")

#: Seconds before each further try; the last of them leave a database time to be restarted.
PAUSES = (0.05, 0.1, 0.2, 0.5, 1, 2)

REST = "What was not applied is still pending."

Result = TypeVar("Result")


def retried(label: str, using: str, transaction: Callable[..., Result], *arguments: Any) -> Result:
    """Run a transaction, again where the failure may pass.

    Args:
        label: what the log calls it.
        using: the database alias.
        transaction: a function that opens one transaction, changes nothing outside of it that may not be done twice,
            and can tell from the database how far it got.
        arguments: its arguments.

    Raises:
        DatabaseFailed: the failure does not pass.
    """
    for pause in (*PAUSES, None):
        try:
            return transaction(*arguments)
        except DatabaseError as error:
            if pause is None or not _may_pass(error, connections[using]):
                raise DatabaseFailed(_sentence(label, connections[using], error)) from error
            logger.warning("%s: the database %r failed, trying again in %s s: %s", label, using, pause, _said(error))
        _close_if_lost(connections[using])
        time.sleep(pause)
    raise AssertionError  # the last try returns or raises


def _may_pass(error: DatabaseError, connection: BaseDatabaseWrapper) -> bool:
    return not connection.in_atomic_block and dialect_of(connection).may_pass(error)


def _close_if_lost(connection: BaseDatabaseWrapper) -> None:
    if connection.connection is not None and not connection.is_usable():
        connection.close()


def _sentence(label: str, connection: BaseDatabaseWrapper, error: DatabaseError) -> str:
    failed = f"{label}: the database {connection.alias!r} failed: {_said(error)}."
    return " ".join(filter(None, [failed, dialect_of(connection).advice_for(error), REST]))


def _said(error: DatabaseError) -> str:
    return f"{type(error).__name__}: {described(error)}".rstrip(".")
