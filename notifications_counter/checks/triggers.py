"""Checks of counters with triggers: of each declaration, and of what the databases have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import connections, models

from ..buffers.recording import configured_buffer
from ..declaration import conditions
from ..declaration.counter import CounterDeclaration
from ..exceptions import CounterError, InvalidSettings, MissingExtra
from ..ledger.introspection import Tables
from ..triggers.install import Triggers, by_triggers
from ..triggers.sql import TRIGGER_DIALECTS, TriggerDialect, keys, trigger_dialect
from ..triggers.sql.counted import columns, concrete

_MIGRATE = "Run: manage.py migrate --database {using}"


# Declarations


def check_capture(counter: CounterDeclaration) -> Iterator[Error]:
    """What is wrong with how the counter asks for triggers, as far as its other arguments allow to say."""
    if counter.capture == "triggers":
        yield from _check_buffer(counter)


def _check_buffer(counter: CounterDeclaration) -> Iterator[Error]:
    try:
        buffer = configured_buffer(counter)
    except (InvalidSettings, MissingExtra, TypeError):  # said by the checks of buffers
        return
    if not buffer.supports_triggers:
        sentence = (
            f"triggers write into the database, but the buffer {counter.buffer_alias!r} is not a database buffer."
        )
        hint = (
            'Give NOTIFICATIONS_COUNTER[\'BUFFERS\'] a second one, "database": {"BACKEND":'
            ' "notifications_counter.buffers.database.DatabaseBuffer"}, and name it: Counter(..., buffer="database").'
        )
        yield _error(counter, sentence, hint, 17)


def check_columns(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[Error]:
    """What a trigger could not read or write of a source with which nothing else is wrong."""
    if counter.capture != "triggers":
        return
    columns_of_key, model = [conditions.column(source, name) for name in counter.source_keys], concrete(source)
    where = source._base_manager.filter(counter.filter).query.where
    elsewhere = {column.target.name for column in columns(where) if column.alias != model._meta.db_table}
    read = [*columns_of_key, *([] if counter.sum is None else [conditions.column(source, counter.sum)])]
    elsewhere |= {field.name for field in read if field not in model._meta.local_concrete_fields}
    if elsewhere:
        sentence = f"a trigger on {model._meta.db_table} cannot read {', '.join(sorted(elsewhere))} of another table."
        yield _error(counter, sentence, 'Make the parent the source, or use capture="signals".', 18)
    for key, part in zip(columns_of_key, counter.keys.parts, strict=True):
        if keys.kind(key) is None or keys.kind(key) != keys.kind(part.field):
            sentence = f"a trigger cannot write {key.name!r} as {counter.model._meta.label} writes its primary key."
            hint = 'Both must be integers, or UUIDs, or text, as the database has them; else use capture="signals".'
            yield _error(counter, sentence, hint, 19)


def _error(counter: CounterDeclaration, sentence: str, hint: str, number: int) -> Error:
    return Error(f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id=f"notifications_counter.E{number:03}")


# Databases. Warnings, because an error would keep migrate from repairing what it is about.


def check_triggers(
    app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """How what the databases have differs from what is declared, and what they hide from triggers."""
    return [message for using in databases or () for message in _check_database(using)]


def _check_database(using: str) -> Iterator[CheckMessage]:
    tables = Tables(using)
    wanted, connection = by_triggers(tables), connections[using]
    dialect = trigger_dialect(connection)
    if dialect is None:
        if wanted:
            hint = f'Use capture="signals". There are triggers for: {", ".join(sorted(TRIGGER_DIALECTS))}.'
            yield _warning(f"{using}: no triggers for {connection.display_name}.", hint, 15)
        return
    try:
        yield from _check_installed(Triggers(tables))
    except CounterError as error:  # a declaration that other checks find
        yield _warning(f"{using}: {error}", "Correct the declaration.", 15)
    yield from _check_hidden(wanted, dialect)


def _check_installed(triggers: Triggers) -> Iterator[CheckMessage]:
    difference, hint = triggers.compare(), _MIGRATE.format(using=triggers.using)
    for counter in difference.missing:
        yield _warning(f"{counter.label}: its triggers are missing on {triggers.using!r}.", hint, 15)
    for counter in difference.changed:
        yield _warning(f"{counter.label}: its triggers on {triggers.using!r} are not those declared.", hint, 15)
    for one in difference.left:
        yield _warning(f"{one.name} on {triggers.using!r}: no counter asks for this trigger any more.", hint, 15)


def _check_hidden(wanted: Sequence[CounterDeclaration], dialect: TriggerDialect) -> Iterator[CheckMessage]:
    """What the database does without telling triggers."""
    for counter in wanted:
        yield from _check_cascades(counter, dialect)
    if wanted and dialect.hides_replaced():
        name, alias = dialect.connection.display_name, dialect.connection.alias
        sentence = f"{alias}: {name} does not tell triggers, as counters use them, what a REPLACE deletes."
        hint = 'Where SQL uses REPLACE: OPTIONS = {"init_command": "PRAGMA recursive_triggers=ON"}. Else silence this.'
        yield _warning(sentence, hint, 17)


def _check_cascades(counter: CounterDeclaration, dialect: TriggerDialect) -> Iterator[CheckMessage]:
    assert counter.source is not None
    database = dialect.connection.display_name
    for name, referred in dialect.cascades(concrete(counter.source)._meta.db_table):
        sentence = f"{counter.label}: {database} tells no trigger what the foreign key {name} changes"
        hint = "Let Django cascade, delete the source's rows first, or recount afterwards."
        yield _warning(f"{sentence} when rows of {referred} change.", hint, 16)


def _warning(sentence: str, hint: str, number: int) -> Warning:
    return Warning(sentence, hint=hint, id=f"notifications_counter.W{number:03}")
