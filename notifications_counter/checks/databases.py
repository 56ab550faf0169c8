"""Checks of what the tables of sources and of counts have in a database: ``manage.py check --database default``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db import Error as DatabaseError
from django.db import connections

from ..conf import get_settings
from ..declaration import conditions
from ..declaration.counter import CounterDeclaration
from ..dialects import dialect_of
from ..exceptions import InvalidSettings
from ..fields import collation_of
from ..ledger import undeclared
from ..ledger.introspection import Tables
from .declarations import mixed_keys

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
    """Those of which only the database knows."""
    connection, meta = connections[using], counter.model._meta
    dialect = dialect_of(connection)
    found = dialect.text_columns(connection, meta.db_table) or {}
    for part in counter.keys.parts:
        column = found.get(part.column.column or "")
        is_told = not dialect.tells_keys_apart(collation_of(part.field, connection))
        if not (part.is_text and column and column.is_loose) or is_told:
            continue
        who = f"the collation of {meta.label}.{part.column.column} on {using!r} calls"
        if part.may_be_loose:
            yield mixed_keys(counter, who)
        else:
            sentence = f"{who} different texts equal, unlike that of a KeyField, so that counts are mixed up."
            yield _warning(counter, sentence, "Give the column the collation that migrate gives a KeyField.", 3)


def _warning(counter: CounterDeclaration, sentence: str, hint: str, number: int) -> Warning:
    return Warning(
        f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id=f"notifications_counter.W{number:03}"
    )
