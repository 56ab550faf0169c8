"""Whether a run of ``migrate`` is about to change columns that triggers stand on.

PostgreSQL refuses to change the type of a column that a trigger names, and a trigger that reads a column by its old
name fails every write. So such triggers go before the migrations run, and come back after them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models
from django.db.migrations.operations import AddField, SeparateDatabaseAndState
from django.db.migrations.operations.fields import FieldOperation

from .trigger_sql.counted import Counted

#: App label and model name, in lower case.
Name = tuple[str, str]


def changed_fields(plan: Iterable[Any]) -> Iterator[tuple[Name, set[str]]]:
    """The fields that the migrations of a plan change, rename or remove: model, and the field's names."""
    for migration, _ in plan:
        for operation in _flat(migration.operations):
            if isinstance(operation, FieldOperation) and not isinstance(operation, AddField):
                names = {operation.name, getattr(operation, "new_name", operation.name)}
                yield (migration.app_label, operation.model_name_lower), names


def _flat(operations: Iterable[Any]) -> Iterator[Any]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation


def touches(counted: Counted, plan: Iterable[Any]) -> bool:
    """Whether a plan changes a column that a counter reads, or one that such a column refers to."""
    read = set(_columns(counted.fields))
    return any((model, name) in read for model, names in changed_fields(plan) for name in names)


def touches_table(counted: Counted, plan: Iterable[Any]) -> bool:
    """Whether a plan changes any column of a counter's source."""
    return any(model == _name(counted.model) for model, _ in changed_fields(plan))


def _columns(fields: Iterable[models.Field[Any, Any]]) -> Iterator[tuple[Name, str]]:
    for field in fields:
        yield _name(field.model), field.name
        if field.remote_field is not None:
            yield from _columns([field.target_field])  # type: ignore[attr-defined]


def _name(model: type[models.Model]) -> Name:
    return model._meta.app_label, model._meta.model_name or ""
