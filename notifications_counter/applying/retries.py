"""Transactions that are tried again where the database's failure may pass by itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import DatabaseFailed

logger = logging.getLogger("notifications_counter")

#: Seconds before each further try; the last of them leave a database time to be restarted.
PAUSES = (0.05, 0.1, 0.2, 0.5, 1, 2)

#: SQLSTATE codes: serialization failure, deadlock, lock time-out; and classes: connection lost, shut down by an admin.
POSTGRESQL = ("40001", "40P01", "55P03", "08", "57P")

#: Lock time-out, deadlock; the server is not there, is shutting down, went away, was lost; killed.
MYSQL = {1205, 1213, 1053, 2002, 2003, 2006, 2013, 1927}

#: What a refusal is usually about, by SQLSTATE on PostgreSQL, by number on MariaDB and MySQL, by text on SQLite.
ADVICE = {
    "25006": "It is read-only: let the alias lead to the primary.",
    "53100": "Its disk is full: make room.",
    1792: "It is read-only: let the alias lead to the primary.",
    1290: "It is read-only: let the alias lead to the primary.",
    1836: "It is read-only: let the alias lead to the primary.",
    1021: "Its disk is full: make room.",
    1114: "Its disk is full: make room.",
    "attempt to write a readonly database": "It is read-only: make it writable.",
    "database or disk is full": "Its disk is full: make room.",
}

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
                raise DatabaseFailed(_sentence(label, using, error)) from error
            logger.warning("%s: the database %r failed, trying again in %s s: %s", label, using, pause, _said(error))
        _close_if_lost(connections[using])
        time.sleep(pause)
    raise AssertionError  # the last try returns or raises


def _may_pass(error: DatabaseError, connection: BaseDatabaseWrapper) -> bool:
    if connection.in_atomic_block or not isinstance(error, OperationalError | InterfaceError):
        return False
    code = _code(error)
    if connection.vendor == "postgresql":
        return code is None or str(code).startswith(POSTGRESQL)  # a connection that breaks gives no code
    if connection.vendor == "mysql":
        return isinstance(error, InterfaceError) or code in MYSQL
    return "locked" in str(error)


def _code(error: DatabaseError) -> Any:
    """The SQLSTATE on PostgreSQL, the number on MariaDB and MySQL."""
    number = error.args[0] if error.args else None
    if isinstance(number, int):
        return number
    cause = error.__cause__  # psycopg's, or that of its predecessor
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def _close_if_lost(connection: BaseDatabaseWrapper) -> None:
    if connection.connection is not None and not connection.is_usable():
        connection.close()


def _sentence(label: str, using: str, error: DatabaseError) -> str:
    advice = ADVICE.get(_code(error)) or next((said for part, said in ADVICE.items() if str(part) in str(error)), "")
    return " ".join(filter(None, [f"{label}: the database {using!r} failed: {_said(error)}.", advice, REST]))


def _said(error: DatabaseError) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(".")
