"""Checks of what the tables of sources and of counts have in a database: ``manage.py check --database default``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db import Error as DatabaseError
from django.db import connections, models

from ..conf import get_settings
from ..declaration import conditions
from ..declaration.counter import CounterDeclaration
from ..dialects import dialect_of
from ..exceptions import InvalidSettings
from ..ledger import undeclared
from ..ledger.introspection import Tables

#: What databases call an index that has an order: Django's name for a plain one, and PostgreSQL's.
ORDERED = {"idx", "btree"}


def check_databases(
    app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """What makes recounts slow, or counts of several keys one."""
    return [message for using in databases or () for message in _check_database(using)]


def _check_database(using: str) -> Iterator[CheckMessage]:
    try:
        for counter in Tables(using).counters():
            yield from _check_index(counter, using)
            yield from _check_collations(counter, using)
        for sentence in undeclared.sentences(using):
            hint = "Was it renamed? Add a RenameCounter to the migration. Else delete its rows in the package's tables."
            yield Warning(sentence, hint=hint, id="notifications_counter.W054")
    except DatabaseError:  # said by what needs the database more
        return


# Indexes


def _check_index(counter: CounterDeclaration, using: str) -> Iterator[CheckMessage]:
    if counter.source is None or not _is_audited():
        return
    name = conditions.column(counter.source, counter.source_keys[0]).column
    table = counter.source._meta.db_table
    if any(columns[:1] == [name] for columns in _indexes(table, using)):  # as much as a walk over the keys needs
        return
    sentence = f"no index of {table} on {using!r} begins with {name}: each part of the audit reads the whole table."
    hint = (
        f"Give {counter.source._meta.label} an index that begins with this column; a migration of another app can add"
        " one. Or set AUDIT_INTERVAL to None."
    )
    yield _warning(counter, sentence, hint, 64)


def _is_audited() -> bool:
    try:
        return get_settings().AUDIT_INTERVAL is not None
    except InvalidSettings:  # said by the check of the settings
        return False


def _indexes(table: str, using: str) -> Iterator[list[str]]:
    """The columns of each index by which rows can be walked over in order."""
    connection = connections[using]
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    for one in constraints.values():
        is_index = one["index"] or one["primary_key"] or one["unique"]
        if is_index and str(one.get("type") or "idx") in ORDERED:
            yield list(one["columns"] or ())


# Collations


def _check_collations(counter: CounterDeclaration, using: str) -> Iterator[CheckMessage]:
    ends = [(counter.model, [part.column for part in counter.keys.parts])]
    if counter.source is not None:
        ends.append((counter.source, [conditions.column(counter.source, name) for name in counter.source_keys]))
    for model, columns in ends:
        yield from _check_columns(counter, model, columns, using)


def _check_columns(
    counter: CounterDeclaration, model: type[models.Model], columns: Sequence[models.Field[Any, Any]], using: str
) -> Iterator[CheckMessage]:
    names = [field.column for field in columns if field.column]
    for name in dialect_of(connections[using]).loose_columns(connections[using], model._meta.db_table, names):
        sentence = f"the collation of {model._meta.label}.{name} on {using!r} calls different keys equal, so that"
        hint = "Give the column a deterministic collation, or make it a notifications_counter.fields.KeyField."
        yield _warning(counter, f"{sentence} their counts become one.", hint, 3)


def _warning(counter: CounterDeclaration, sentence: str, hint: str, number: int) -> Warning:
    return Warning(
        f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id=f"notifications_counter.W{number:03}"
    )
