"""Whether a run of ``migrate`` is about to take columns away from triggers.

SQLite refuses to drop a column that a trigger reads; elsewhere a trigger that reads a column by a name that it had
fails every write until it is replaced. So such triggers go before the migrations run, and come back after them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models
from django.db.migrations.operations import RemoveField, RenameField, SeparateDatabaseAndState

from .sql.counted import Counted

#: App label and model name, in lower case.
Name = tuple[str, str]


def changed_fields(plan: Iterable[Any]) -> Iterator[tuple[Name, set[str]]]:
    """The fields that the migrations of a plan rename or remove: model, and the field's names."""
    for migration, _ in plan:
        for operation in _flat(migration.operations):
            if isinstance(operation, RemoveField | RenameField):
                names = {operation.name, getattr(operation, "new_name", operation.name)}
                yield (migration.app_label, operation.model_name_lower), names


def _flat(operations: Iterable[Any]) -> Iterator[Any]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation


def touches(counted: Counted, plan: Iterable[Any]) -> bool:
    """Whether a plan takes away a column that a counter reads."""
    read = {field.name for field in counted.fields}
    return any(model == _name(counted.model) and names & read for model, names in changed_fields(plan))


def touches_table(counted: Counted, plan: Iterable[Any]) -> bool:
    """Whether a plan takes away any column of a counter's source."""
    return any(model == _name(counted.model) for model, _ in changed_fields(plan))


def _name(model: type[models.Model]) -> Name:
    return model._meta.app_label, model._meta.model_name or ""
