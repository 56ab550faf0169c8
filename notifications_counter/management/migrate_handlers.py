"""Around ``migrate``: the rows of progress are there, and what a data migration may have changed is counted anew.

The models of a migration send no signals to us, so that it cannot be determined what a data migration has changed. So
rows are counted from before it, because what a plan has committed stays if it ends in an error, and again from after
it, because a flush may have backfilled meanwhile.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from django.db import connections, models
from django.db.migrations import AddField, AlterField, Migration, RunPython, RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from ..buffers.recording import buffer_of, store_of
from ..compat.uncached import rows_of
from ..declaration.counter import CounterDeclaration
from ..declaration.rows import counted_columns
from ..dialects import comparison
from ..exceptions import BufferUnavailable
from ..identity_table import Identity
from ..ledger import identity, progress
from ..ledger.declared import adopt
from ..ledger.introspection import Tables
from ..ledger.tables import Delta, Progress
from ..triggers.install import Triggers, forget_pending

logger = logging.getLogger("notifications_counter")


def before_migrate(using: str, plan: Any = (), verbosity: int = 0, stdout: Any = None, **kwargs: Any) -> None:
    """Take triggers out of the way of migrations that rename or remove their columns, and let rows be counted."""
    tables = Tables(using)
    _say(Triggers(tables).make_way(plan), verbosity, stdout)
    if tables.has(Progress, Delta) and _is_current(using):
        for counter in tables.counters():
            if _may_change(counter, plan):
                _backfill_anew(counter, using)


def after_migrate(using: str, plan: Any = (), verbosity: int = 0, stdout: Any = None, **kwargs: Any) -> None:
    """Make the triggers what is declared, then create the rows of progress.

    In this order: of a row that comes in between, either its trigger knows or the progress, which says whether the
    source had rows to be counted. Counters whose rows a data migration may have changed must be backfilled again.
    """
    comparison.forget()
    tables = Tables(using)
    _say(Triggers(tables).install(), verbosity, stdout)
    if tables.has(Progress, Delta) and _is_current(using):
        _identify(tables)
        for counter in tables.counters():
            forget_pending(using, counter)
            _prepare(counter, using, plan)


def _is_current(using: str) -> bool:
    """Whether the table of progress has the columns that are worked with: not after a migration backwards."""
    connection = connections[using]
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_description(cursor, Progress._meta.db_table)
    return {field.column for field in Progress._meta.concrete_fields} <= {column.name for column in found}


def _identify(tables: Tables) -> None:
    """Say who the database is. One that was emptied, as by ``manage.py flush``, begins anew.

    What buffers have of the rows that are gone would be read for new ones with the same keys.
    """
    using = tables.using
    if identity.TABLE not in tables.names and not _has_migrations():
        with connections[using].schema_editor() as editor:
            editor.create_model(Identity)
    known, _ = identity.read(connections[using])
    identity.identify(using)
    if known is not None and not rows_of(Progress, using).exists():
        _forget_all(tables)


def _has_migrations() -> bool:
    """Whether the app's migrations make its tables: a project may switch them off for its tests."""
    return MigrationLoader.migrations_module("notifications_counter")[0] is not None


def _forget_all(tables: Tables) -> None:
    try:
        for counter in tables.counters():
            store = store_of(counter, tables.using)
            buffer_of(store).forget_all(store)
    except BufferUnavailable:  # then nothing of it may be read when it answers again
        identity.begin_anew(tables.using)


def _say(sentences: Iterable[str], verbosity: int, stdout: Any) -> None:
    for sentence in sentences:
        if verbosity:
            (stdout or sys.stdout).write(f"  {sentence}\n")


def _prepare(counter: CounterDeclaration, using: str, plan: Any) -> None:
    store = store_of(counter, using)
    store.ensure_progress(buffer_of(store).layout.shards)
    if adopt(store):
        with suppress(BufferUnavailable):  # the next flush does it
            buffer_of(store).declare(store)
    if _may_change(counter, plan) and store.has_rows():
        _backfill_anew(counter, using)
        logger.warning(
            "%s: a data migration may have changed rows. Until they have been counted again, by the flushes or at once"
            " by manage.py notification_recount, every read counts them.",
            store.label,
        )


def _backfill_anew(counter: CounterDeclaration, using: str) -> None:
    store = store_of(counter, using)
    progress.update(using, store.label, {"backfilled": False, "recounted_to": None})
    with suppress(BufferUnavailable):  # then nothing cached is read either
        buffer_of(store).clear_cache(store)


def _may_change(counter: CounterDeclaration, plan: Any) -> bool:
    """Whether migrations may change rows of a source that no signal tells of; triggers see what migrations do."""
    source = counter.source
    if source is None or counter.capture == "triggers":
        return False
    return any(
        source._meta.app_label in touched_apps(migration) or _alters(migration, counter, source)
        for migration, _ in plan
    )


def _alters(migration: Migration, counter: CounterDeclaration, source: type[models.Model]) -> bool:
    """Whether a migration makes or alters a counted column: rows that had NULL, or no such column, get the default."""
    columns = counted_columns(counter, source)
    names = {field.name for field in source._meta.concrete_fields if field.attname in columns}
    return migration.app_label == source._meta.app_label and any(
        isinstance(operation, AddField | AlterField)
        and operation.model_name_lower == source._meta.model_name
        and operation.name in names
        for operation in _operations(migration.operations)
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
