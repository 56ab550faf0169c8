"""Checks of what the database does by itself when a row is deleted to which others refer; Django has it from 6.1 on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db import models

from ..declaration.counter import CounterDeclaration
from ..declaration.rows import counted_columns

#: None of these where Django does not have it.
BY_DATABASE: Any = getattr(models.deletion, "DatabaseOnDelete", ())


def check_source_relations(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[CheckMessage]:
    """What the database deletes or changes by itself sends no signal."""
    if counter.capture != "signals":
        return
    counted = counted_columns(counter, source)
    names = [
        field.name
        for field in source._meta.concrete_fields
        if _is_by_database(field) and (_deletes(field) or field.attname in counted)
    ]
    if names:
        sentence = f"what the database deletes or changes by itself is not counted: on_delete of {', '.join(names)}."
        hint = "Use Django's CASCADE or SET_NULL there, or capture='triggers'."
        yield _warning(counter, sentence, hint, 4)


def _is_by_database(field: models.Field[Any, Any]) -> bool:
    """Whether the database has been told what to do; without a constraint it was not."""
    on_delete = getattr(field.remote_field, "on_delete", None)
    return isinstance(on_delete, BY_DATABASE) and bool(getattr(field, "db_constraint", True))


def _deletes(field: models.Field[Any, Any]) -> bool:
    on_delete: Any = getattr(field.remote_field, "on_delete", None)
    return str(on_delete.operation) == "CASCADE"


def check_owner(counter: CounterDeclaration) -> Iterator[CheckMessage]:
    """Who is to delete the counts of a deleted owner: neither Django nor, without a constraint, the database."""
    for field in counter.model._meta.pk_fields:
        on_delete: Any = getattr(field.remote_field, "on_delete", None)
        is_left = on_delete is models.DO_NOTHING or isinstance(on_delete, BY_DATABASE)
        if is_left and not getattr(field, "db_constraint", True):
            sentence = f"nothing deletes its rows: {field.name!r} has {on_delete.__name__} and db_constraint=False."
            yield _warning(counter, sentence, "Use models.CASCADE there, which needs no constraint.", 62)


def _warning(counter: CounterDeclaration, sentence: str, hint: str, number: int) -> Warning:
    return Warning(
        f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id=f"notifications_counter.W{number:03}"
    )
