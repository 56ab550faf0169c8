"""Deletes: of one row, and of all rows of a queryset, which are locked and read at once, and counted together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models

from . import held as watched
from .sources import UNCOUNTED, Keys, Source, all_at_once, change, count, exact_source


class Deletion:
    """A queryset's delete.

    Args:
        source: whose rows are deleted.
        using: the database alias.
        locked: the rows that were locked for it, and what they count for; watched from now on.
    """

    def __init__(self, source: Source, using: str, locked: dict[Any, Keys]) -> None:
        self.source = source
        self.using = using
        self.locked = locked
        #: What the rows counted for that were deleted so far.
        self.deleted: list[Keys] = []
        self._watched = watched.rows(using, source.model)
        self._watched.update(locked)

    def has_locked(self, sender: type[models.Model], using: str, pk: Any) -> bool:
        return pk in self.locked and using == self.using and exact_source(sender._meta.concrete_model) is self.source

    def note_deleted(self, pk: Any) -> None:
        keys = self._watched.pop(pk, None)
        if keys is not None:  # else another delete in between was counted by itself
            self.deleted.append(keys)

    def end(self) -> None:
        """Watch no longer what was not deleted."""
        for pk in self.locked:
            self._watched.pop(pk, None)


_current: ContextVar[Deletion | None] = ContextVar("notifications_counter_deletion", default=None)


@contextmanager
def deletion(source: Source, rows: models.QuerySet[Any], using: str) -> Iterator[None]:
    """Count the deletes of these rows together; inside a transaction."""
    current = Deletion(source, using, source.lock(rows, using))
    token = _current.set(current)
    try:
        yield
    finally:
        _current.reset(token)
        current.end()
    count(all_at_once(current.deleted, -1), using)


def before_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    current = _current.get()
    if current is not None and current.has_locked(sender, using, instance.pk):
        return
    # Of a child with a table of its own Django deletes the parent's row too, and says so.
    source = exact_source(sender._meta.concrete_model)
    keys = source.lock_one(using, instance.pk) if source else None
    if source is not None and keys is not None:
        watched.watch(using, source.model, {instance.pk: keys})


def after_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    current = _current.get()
    if current is not None and current.has_locked(sender, using, instance.pk):
        current.note_deleted(instance.pk)
        return
    source = exact_source(sender._meta.concrete_model)
    keys = watched.take(using, source.model, instance.pk) if source else None
    if keys is not None:
        count(change(keys, UNCOUNTED), using)
