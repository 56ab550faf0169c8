"""Who a database is: itself, and not the alias or the settings that lead to it.

The table ``Identity`` has an id, and a fingerprint of where the database was when it was given. Two aliases of one
database read the same. A copy, wherever it was taken, reads an id whose fingerprint is not its own: until the next
flush has given it another one, nothing outside of it is read or written.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.utils import timezone

from ..compat.transactions import hooks
from ..compat.uncached import rows_of
from ..declaration.registry import declarations
from ..dialects import dialect_of
from ..identity_table import Identity
from . import progress

logger = logging.getLogger("notifications_counter")

TABLE = Identity._meta.db_table

#: On a connection: that it is new; the hooks of the transaction that wrote an identity.
NEW, WRITTEN = (f"_notifications_counter_identity_{name}" for name in ("new", "written"))

#: What is said of a copy of which nothing had to be forgotten.
NOTHING = "Nothing was pending outside of it."

#: Of a database without schemas, where nothing has to be asked.
NOT_MOVED = nullcontext(False)

#: After how many seconds a new connection looks again whether it leads to the same database.
LOOK_AGAIN = 1


@dataclass
class Known:
    """What this process knows of the database of an alias.

    Attributes:
        name: what the settings called the database when it was looked up.
        schema: the schema of the tenant, where the connection has one.
        uid: who the database is.
        ask: whether several schemas hold the table, so that each use must ask which is meant.
        round: how often this process had begun anew when it was looked up.
        looked: when that was.
    """

    name: Any
    schema: Any
    uid: str
    ask: bool
    round: int
    looked: float


_known: dict[tuple[Any, ...], Known] = {}
_round = 0


class _Here(threading.local):
    """What each thread need not look for its connection for: alias -> the database, where its name says all."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}


_here = _Here()


def of_alias(alias: str) -> str | None:
    """Who the database of an alias is; None where it is a copy that no flush has noticed, or was never migrated.

    It is looked up once by each process, and where a new connection might lead to another one.
    """
    known = _here.known.get(alias)
    if known is not None and known.round == _round and known.name is connections.settings[alias]["NAME"]:
        return known.uid
    return current(connections[alias])


def current(connection: BaseDatabaseWrapper) -> str | None:
    """The same of a connection's database."""
    known = _remembered(connection)
    if known is None or _must_look_again(connection, known):
        return _look_up(connection, known)
    _keep_here(connection, known)
    return known.uid


def _keep_here(connection: BaseDatabaseWrapper, known: Known) -> None:
    is_simple = known.schema is None and not known.ask and NEW not in connection.__dict__
    if is_simple and connection.settings_dict is connections.settings.get(connection.alias):
        _here.known[connection.alias] = known


def without_a_question(alias: str) -> str | None:
    """The same for an event loop, which can ask no database: None where that is not known without."""
    settings = connections.settings[alias]
    known = _known.get((alias, settings["NAME"], None, None))
    return known.uid if known and not known.ask else None


def fixed(alias: str, uid: str | None) -> AbstractContextManager[bool]:
    """Take the database of an alias for the one that it was, where its connection has been led to another schema since.

    Args:
        alias: the database alias.
        uid: who it was.

    Returns:
        What tells, when it is entered, whether it is another one now.
    """
    return NOT_MOVED if alias in _here.known else _fixed(alias, uid)


@contextmanager
def _fixed(alias: str, uid: str | None) -> Iterator[bool]:
    has_moved = uid is not None and of_alias(alias) != uid
    if has_moved and uid is not None:
        _here.known[alias] = Known(connections.settings[alias]["NAME"], None, uid, False, _round, time.monotonic())
    try:
        yield has_moved
    finally:
        if has_moved:
            _here.known.pop(alias, None)


def _place_of(connection: BaseDatabaseWrapper) -> tuple[Any, ...]:
    """Under which a database is remembered, but for the schema that the connection alone knows."""
    return connection.alias, connection.settings_dict["NAME"], connection.__dict__.get("schema_name")


def _remembered(connection: BaseDatabaseWrapper) -> Known | None:
    known = _known.get((*_place_of(connection), None))
    if known is None or not known.ask:
        return known
    schema = dialect_of(connection).schema(connection, TABLE)
    return None if schema is None else _known.get((*_place_of(connection), schema))


def _must_look_again(connection: BaseDatabaseWrapper, known: Known) -> bool:
    return NEW in connection.__dict__ and time.monotonic() - known.looked >= LOOK_AGAIN


def _look_up(connection: BaseDatabaseWrapper, known: Known | None) -> str | None:
    connection.__dict__.pop(NEW, None)
    try:
        row, place = read(connection)
    except DatabaseError:
        if known is None:
            raise
        return known.uid  # the open transaction is broken, and cannot tell otherwise
    if row is None or place is None or row.fingerprint != place.fingerprint:
        return None
    if connection.__dict__.get(WRITTEN) is not hooks(connection):  # else it may be rolled back
        _remember(connection, row.uid, place.schemas > 1)
    return row.uid


def _remember(connection: BaseDatabaseWrapper, uid: str, is_in_many: bool) -> None:
    *place, schema = _place_of(connection)
    ask = is_in_many and schema is None
    known = Known(connection.settings_dict["NAME"], schema, uid, ask, _round, time.monotonic())
    if ask:
        _known[(*place, None, dialect_of(connection).schema(connection, TABLE))] = known
    _known[(*place, schema, None)] = known
    _keep_here(connection, known)


def read(connection: BaseDatabaseWrapper) -> tuple[Identity | None, Any]:
    """What the table says, and where the database is; nothing where there is no table."""
    place = dialect_of(connection).place(connection, TABLE)
    return (rows_of(Identity, connection.alias).first() if place else None), place


def forget() -> None:
    """Look everything up again."""
    global _round
    _round += 1
    _known.clear()


def _note_new(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """A new connection may lead to another database: one that was restored, or that took the place of the first."""
    _here.known.pop(connection.alias, None)
    if any(place[0] == connection.alias for place in list(_known)):
        setattr(connection, NEW, True)


connection_created.connect(_note_new, dispatch_uid="notifications_counter.identity")
os.register_at_fork(after_in_child=forget)


def is_settled(using: str, seconds: int) -> bool:
    """Whether transactions have ended that began before a copy was noticed: they do not know its id."""
    row = rows_of(Identity, using).first()
    if row is None:
        return False
    return row.copied_at is None or row.note == NOTHING or timezone.now() - row.copied_at >= timedelta(seconds=seconds)


# Giving an identity


def identify(using: str) -> str | None:
    """Who a database is, looked up anew; a copy is given an identity of its own.

    Called by what writes at its own time: flushes, recounts and commands.

    Returns:
        Its id; None where the table is missing.
    """
    connection = connections[using]
    row, place = read(connection)
    if place is None:
        return None
    if row is not None and row.fingerprint == place.fingerprint:
        if current(connection) != row.uid:
            forget()
            return current(connection)
        return row.uid
    return _give(connection, place.fingerprint, is_asked=False)


def renew(using: str) -> str | None:
    """Give a database another identity, as to a copy of it that cannot be told from it.

    Returns:
        Its id; None where the table is missing.
    """
    connection = connections[using]
    _, place = read(connection)
    return _give(connection, place.fingerprint, is_asked=True) if place else None


def begin_anew(using: str) -> None:
    """Give a database without any rows of ours another identity; there is nothing to say of it."""
    rows_of(Identity, using).update(uid=uuid.uuid4().hex, copied_at=None, note="")
    _written(connections[using])


def _give(connection: BaseDatabaseWrapper, fingerprint: str, is_asked: bool) -> str:
    using, labels = connection.alias, None
    rows = rows_of(Identity, using)
    with transaction.atomic(using=using):
        # An update is the lock that every database has; two processes may have noticed at once.
        if not rows.update(id=1):
            rows.bulk_create([Identity(uid=uuid.uuid4().hex, fingerprint=fingerprint)], ignore_conflicts=True)
        row = rows.get()
        if is_asked or row.fingerprint != fingerprint:
            events = {counter.label for counter in declarations() if counter.declared_source is None}
            labels = progress.forget_elsewhere(using, events)
            row.uid, row.fingerprint = uuid.uuid4().hex, fingerprint
            row.copied_at, row.note = timezone.now(), _note(labels, events)
            row.save(using=using)
    _written(connection)
    if labels is not None:
        why = "was given a new identity" if is_asked else "is a copy of another one, or was moved"
        level = logging.WARNING if is_asked or any(labels.values()) else logging.INFO
        logger.log(level, "The database %r %s. %s", using, why, row.note)
    return row.uid


def _written(connection: BaseDatabaseWrapper) -> None:
    forget()
    if connection.in_atomic_block:
        setattr(connection, WRITTEN, hooks(connection))


def _note(labels: Iterable[str], events: set[str]) -> str:
    """What becomes of the counters of which deltas may have been pending outside the database."""
    counted, added = sorted(set(labels) - events), sorted(set(labels) & events)
    said = [NOTHING]
    if labels:
        said = ["Nothing is read from or flushed out of what belongs to the other in Redis."]
    if counted:
        said.append(f"Flushes count again, and until then reads count the rows of: {', '.join(counted)}.")
    if added:
        said.append(
            f"Events that were pending in Redis may be missing, and cannot be counted again: {', '.join(added)}."
        )
    return " ".join(said)
