"""Rows that are about to be saved: what each has been counted for so far, read under a lock before the save.

Between that and the write, and after the write, receivers may change the same row. Whoever changes it counts the
difference to what is held, and notes here what the row counts for now, so that nested changes add up.
"""

from __future__ import annotations

import threading
from typing import Any

from django.db import connections, models

from ..compat.transactions import hooks
from .sources import Row, Source


class _UnderWay(threading.local):
    """The holds of the saves that are under way, of each thread by itself: a thread has its own connections.

    To look for the connection would take longer than all else that is done here.
    """

    def __init__(self) -> None:
        self.holds: list[Hold] = []


_under_way = _UnderWay()


class Hold:
    """One row of a source during a save.

    Attributes:
        source: whose row it is.
        row: what it has been counted for; None for no row.
        before: what it was counted for when the save began, and whatever it has been counted for since.
        memory: the row as the instance had it then; None where only the database knows.
        using: the database alias.
        is_changed: whether somebody else has changed the row since.
        expected: what a new row will be counted for, if it is written as it is in memory; None where that is not known.
    """

    def __init__(self, source: Source, instance: models.Model, using: str, row: Row | None) -> None:
        self.source = source
        self.row = row
        self.before = [row]
        self.memory = source.in_memory(instance)
        self.is_changed = False
        self.expected: dict[Any, Any] | None = None
        self._instance = instance
        self.using = using
        self._hooks: Any = None

    @property
    def pk(self) -> Any:
        """The primary key, which a new row gets only when it is written."""
        return self.source.pk_of(self._instance)

    @property
    def was_rolled_back(self) -> bool:
        """Whether a rollback may have undone a change of the row since it was noted here."""
        return self.is_changed and self._hooks is not hooks(connections[self.using])

    def note(self, row: Row | None) -> None:
        """The row has been changed by somebody else, who has counted that."""
        if self.was_rolled_back:
            self._hooks = ()  # and so it stays: equal to no list
        elif not self.is_changed:
            self._hooks = hooks(connections[self.using])
        self.is_changed = True
        self.row = row
        self.before.append(row)


def holds(using: str, source: Source) -> list[Hold]:
    """The rows of a source that are being saved."""
    kept = _under_way.holds
    return [hold for hold in kept if hold.source is source and hold.using == using] if kept else []


def under_way() -> list[Hold]:
    """The list of all holds of this thread, for a save to add its own and to take them out again."""
    return _under_way.holds
