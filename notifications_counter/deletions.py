"""A ``delete`` of many rows of a source: locked and read at once, and counted together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models

from .sources import UNCOUNTED, Changes, Keys, Source, change, count, total


class Deletion:
    """What the rows counted for, and what their deletes have changed so far."""

    def __init__(self, model: type[models.Model], locked: dict[Any, Keys]) -> None:
        self.model = model
        self.locked = locked
        self.changes: list[Changes] = []

    def holds(self, model: type[models.Model], pk: Any) -> bool:
        return model is self.model and pk in self.locked

    def delete(self, pk: Any) -> None:
        self.changes.append(change(self.locked[pk], UNCOUNTED))


_current: ContextVar[Deletion | None] = ContextVar("notifications_counter_deletion", default=None)


def current_deletion() -> Deletion | None:
    return _current.get()


@contextmanager
def deletion(source: Source, rows: models.QuerySet[Any], using: str) -> Iterator[None]:
    """Count the deletes of these rows together; inside a transaction."""
    current = Deletion(source.model, source.lock(rows, using))
    token = _current.set(current)
    try:
        yield
    finally:
        _current.reset(token)
    count(total(current.changes), using)
