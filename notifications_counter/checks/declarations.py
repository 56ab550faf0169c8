"""What is declared or configured wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models, router

from ..buffers import buffers
from ..conf import get_settings
from ..declaration import conditions
from ..declaration.counter import CounterDeclaration
from ..declaration.registry import declarations
from ..dialects import dialect_of
from ..exceptions import InvalidSettings, MissingExtra
from ..fields import collation_of
from .counts import check_room
from .keys import check_key_columns, check_key_ends
from .sums import check_sum
from .triggers import check_capture, check_columns


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The settings, and each buffer that they configure."""
    try:
        get_settings()
    except InvalidSettings as error:
        return [
            Error(str(error), hint="Correct NOTIFICATIONS_COUNTER in the settings.", id="notifications_counter.E001")
        ]
    return [message for alias in buffers for message in _check_buffer(alias)]


def _check_buffer(alias: str) -> list[CheckMessage]:
    try:
        return buffers[alias].check()
    except MissingExtra as error:
        return [
            Error(str(error), hint="Install the extra, or use the database buffer.", id="notifications_counter.E003")
        ]
    except InvalidSettings as error:
        hint = "Correct NOTIFICATIONS_COUNTER['BUFFERS'] in the settings."
        return [Error(str(error), hint=hint, id="notifications_counter.E002")]


def check_counters(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Each declaration."""
    return [message for counter in declarations() for message in check_counter(counter)]


def check_counter(counter: CounterDeclaration) -> list[CheckMessage]:
    """What is wrong with one declaration."""
    found: list[CheckMessage] = [*_check_field(counter), *_check_others(counter), *_check_buffer_alias(counter)]
    found += [*_check_collation(counter), *check_key_columns(counter)]
    found += check_capture(counter)
    if counter.declared_source is not None:
        found += _check_source(counter)
    elif counter.source_key is not None or counter.filter:
        hint = "Give the counter a source, or leave out key and filter."
        found.append(
            _error(counter, "key and filter say which rows of a source count, but there is no source.", hint, 5)
        )
    elif counter.sum is not None:
        sentence = f"sum={counter.sum!r} names a column of a source, but there is no source."
        found.append(_error(counter, sentence, "Give the counter a source, or leave out sum.", 30))
    return found


def _error(counter: CounterDeclaration, sentence: str, hint: str, number: int) -> Error:
    return Error(f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id=f"notifications_counter.E{number:03}")


def _check_field(counter: CounterDeclaration) -> Iterator[CheckMessage]:
    hint = "Name the field with Counter(field=...); a BigIntegerField(default=0) does."
    try:
        field = counter.field
    except InvalidSettings as error:
        yield Error(str(error), hint=hint, obj=counter.model, id="notifications_counter.E004")
        return
    if field in counter.model._meta.pk_fields:
        yield _error(counter, f"{field.name!r} is part of the primary key.", hint, 4)
    elif not isinstance(field, models.IntegerField | models.DecimalField):
        yield _error(counter, f"{field.name!r} is not an integer field.", hint, 4)
    elif isinstance(field, models.DecimalField) and counter.sum is None:
        yield _error(counter, f"{field.name!r} is a decimal field, for sums only.", hint, 4)
    elif field.get_internal_type().startswith("Positive"):
        sentence = f"{field.name!r} cannot hold a passing negative count, for which the database would fail the flush."
        yield _error(counter, sentence, "Make it a BigIntegerField.", 11)
    else:
        yield from check_room(counter)


def _check_others(counter: CounterDeclaration) -> Iterator[Error]:
    for field in counter.model._meta.concrete_fields:
        needs_value = not (field.null or field.has_default() or field in counter.model._meta.pk_fields)
        is_count = isinstance(field, models.IntegerField) or (counter.sum and isinstance(field, models.DecimalField))
        if needs_value and not is_count:
            sentence = f"a flush inserts rows, and knows no value for {field.name!r}."
            yield _error(counter, sentence, "Give that field a default, or let it be null.", 10)


def _check_buffer_alias(counter: CounterDeclaration) -> Iterator[Error]:
    try:
        configured = get_settings().BUFFERS
    except InvalidSettings:  # said by check_settings
        return
    if counter.buffer_alias not in configured:
        hint = f"Configured are: {', '.join(sorted(configured)) or 'none'}."
        yield _error(counter, f"there is no buffer {counter.buffer_alias!r} in the settings.", hint, 2)


def _check_collation(counter: CounterDeclaration) -> Iterator[CheckMessage]:
    connection = connections[counter.using or router.db_for_write(counter.model)]
    for key in (part.field for part in counter.keys.parts):
        is_text = isinstance(key, models.CharField | models.TextField)
        if is_text and not dialect_of(connection).tells_keys_apart(collation_of(key, connection)):
            sentence = f"the collation of {key} may call different keys equal, so that their counts become one."
            hint = "Make it a notifications_counter.fields.KeyField, or give it db_collation='utf8mb4_bin'."
            yield Warning(f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id="notifications_counter.W003")


def _check_source(counter: CounterDeclaration) -> Iterator[CheckMessage]:
    try:
        source = counter.source
    except (LookupError, ValueError):
        hint = "Write it as 'app.Model', of an app that is installed."
        yield _error(counter, f"there is no model {counter.declared_source!r} to be the source.", hint, 6)
        return
    if not (isinstance(source, type) and issubclass(source, models.Model)):
        yield _error(counter, f"{source!r} is no model to be the source.", "Give a model, or 'app.Model'.", 6)
        return
    found = [*_check_key(counter, source), *_check_filter(counter, source), *check_sum(counter, source)]
    yield from found
    if not any(isinstance(one, Error) for one in found):
        yield from check_columns(counter, source)
    yield from _check_databases(counter, source)
    yield from _check_cascades(counter, source)


def _check_filter(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[Error]:
    for problem in conditions.problems(counter.filter, source):
        yield _error(counter, f"filter: {problem}", f"Use {conditions.ALLOWED}, joined by &, | and ~.", 8)


def _check_key(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[CheckMessage]:
    names = ", ".join(field.name for field in source._meta.concrete_fields)
    hint = f"Columns of {source._meta.label} are: {names}."
    if not counter.source_keys:
        yield _error(counter, "key is missing: which column of the source says whose count a row belongs to?", hint, 7)
        return
    missing = [name for name in counter.source_keys if not _has_column(source, name)]
    for name in missing:
        yield _error(counter, f"key: {source._meta.label} has no column {name!r}.", hint, 7)
    if not missing:
        yield from list(_check_parts(counter)) or check_key_ends(counter, source)


def _has_column(source: type[models.Model], name: str) -> bool:
    try:
        conditions.column(source, name)
    except FieldDoesNotExist:
        return False
    return True


def _check_parts(counter: CounterDeclaration) -> Iterator[Error]:
    """The columns of the key must be those of the count model's primary key, in the same order."""
    label, own = counter.model._meta.label, [part.column.name for part in counter.keys.parts]
    hint = f"The primary key of {label} is: {', '.join(own)}. Name the column of the source for each, in that order."
    if isinstance(counter.source_key, str) is counter.keys.is_composite or len(counter.source_keys) != len(own):
        said = f"key={counter.source_key!r} has not as many columns as the primary key of {label}."
        if not counter.keys.is_composite:
            hint = f"Name one column, without a tuple, or give {label} a CompositePrimaryKey."
        yield _error(counter, said, hint, 21)
    elif counter.source_keys != own and sorted(counter.source_keys) == sorted(own):
        yield _error(counter, f"key={counter.source_key!r} has another order than the primary key.", hint, 21)


def _check_cascades(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[CheckMessage]:
    """What the database does by itself (Django has it from 6.1 on) sends no signal."""
    by_database: Any = getattr(models.deletion, "DatabaseOnDelete", ())
    fields = (field for field in source._meta.concrete_fields if field.remote_field is not None)
    names = [field.name for field in fields if isinstance(getattr(field.remote_field, "on_delete", None), by_database)]
    if names and counter.capture == "signals":
        sentence = f"what the database deletes or changes by itself is not counted: on_delete of {', '.join(names)}."
        hint = "Use Django's CASCADE or SET_NULL there, or capture='triggers'."
        yield Warning(f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id="notifications_counter.W004")


def _check_databases(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[Error]:
    of_source, of_counts = router.db_for_write(source), counter.using or router.db_for_write(counter.model)
    if of_source != of_counts:
        sentence = f"the source is written to the database {of_source!r}, its counts to {of_counts!r}."
        hint = "One transaction must hold both: route the count model to the database of the source."
        yield _error(counter, sentence, hint, 9)
