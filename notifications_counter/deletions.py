"""Deletes: of one row, and of all rows of a queryset, which are locked and read at once, and counted together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models

from . import watched
from .sources import UNCOUNTED, Changes, Source, change, count, exact_source, total


class Deletion:
    """A queryset's delete.

    Attributes:
        pks: of the rows that were locked for it.
        changes: what their deletes have changed so far.
    """

    def __init__(self, model: type[models.Model], using: str, pks: set[Any]) -> None:
        self.model = model
        self.using = using
        self.pks = pks
        self.changes: list[Changes] = []

    def has_locked(self, model: type[models.Model], using: str, pk: Any) -> bool:
        return (model, using) == (self.model, self.using) and pk in self.pks


_current: ContextVar[Deletion | None] = ContextVar("notifications_counter_deletion", default=None)


@contextmanager
def deletion(source: Source, rows: models.QuerySet[Any], using: str) -> Iterator[None]:
    """Count the deletes of these rows together; inside a transaction."""
    locked = source.lock(rows, using)
    watched.watch(using, source.model, locked)
    current = Deletion(source.model, using, set(locked))
    token = _current.set(current)
    try:
        yield
    finally:
        _current.reset(token)
        for pk in locked:
            watched.take(using, source.model, pk)
    count(total(current.changes), using)


def before_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    # Of a child with a table of its own Django deletes the parent's row too, and says so.
    source = exact_source(sender._meta.concrete_model)
    current = _current.get()
    if source is None or (current is not None and current.has_locked(source.model, using, instance.pk)):
        return
    keys = source.lock_one(using, instance.pk)
    if keys is not None:
        watched.watch(using, source.model, {instance.pk: keys})


def after_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    source, current = exact_source(sender._meta.concrete_model), _current.get()
    keys = watched.take(using, source.model, instance.pk) if source else None
    if source is None or keys is None:
        return
    changes = change(keys, UNCOUNTED)
    if current is not None and current.has_locked(source.model, using, instance.pk):
        current.changes.append(changes)
    else:
        count(changes, using)
