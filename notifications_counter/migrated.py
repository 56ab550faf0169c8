"""After ``migrate``: the rows of progress are there, and what a data migration may have changed is counted anew.

The models of a migration send no signals to us, so that nobody can tell what a data migration has changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from django.db import connections, router
from django.db.migrations import Migration, RunPython, RunSQL
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from . import progress
from .counters import Counter, counters
from .exceptions import BufferUnavailable
from .models import Progress

logger = logging.getLogger("notifications_counter")


def after_migrate(using: str, plan: Iterable[tuple[Migration, bool]] = (), **kwargs: Any) -> None:
    """Create the rows of progress of all counters whose tables are there; mark those that must be filled again."""
    tables = set(connections[using].introspection.table_names())
    touched = {label for migration, _ in plan for label in touched_apps(migration)}
    if not is_there(Progress, using, tables):
        return
    for counter in counters():
        needed = [counter.model, *([counter.source] if counter.source else [])]
        if counter.using in (None, using) and all(is_there(model, using, tables) for model in needed):
            _prepare(counter, using, touched)


def is_there(model: Any, using: str, tables: set[str]) -> bool:
    return bool(router.allow_migrate_model(using, model)) and model._meta.db_table in tables


def _prepare(counter: Counter, using: str, touched: set[str]) -> None:
    stored = counter.stored(using)
    stored.ensure_progress(counter.buffer.layout.shards)
    if counter.source is not None and counter.source._meta.app_label in touched and counter.has_rows(using):
        progress.update(using, stored.label, {"filled": False, "recounted_to": None})
        with suppress(BufferUnavailable):  # then nothing cached is read either
            counter.buffer.forget_cached(stored)
        logger.warning(
            "%s: a data migration may have changed rows. Until they have been counted again, by the flushes or at once"
            " by manage.py notification_recount, every read counts them.",
            stored.label,
        )


def touched_apps(migration: Migration) -> set[str]:
    """The apps whose rows a data migration may change: its own, and those that it depends on."""
    if not any(isinstance(operation, RunPython | RunSQL) for operation in _operations(migration.operations)):
        return set()
    return {migration.app_label, *(app for app, _ in migration.dependencies)}


def _operations(operations: Iterable[Operation]) -> Iterator[Operation]:
    for operation in operations:
        yield operation
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _operations(operation.database_operations)
