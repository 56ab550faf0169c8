"""What is declared or configured wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import connections, models, router

from ..buffers import buffers
from ..conf import get_settings
from ..declaration.counter import CounterDeclaration
from ..declaration.problems import problems_of
from ..declaration.registry import declarations
from ..dialects import dialect_of
from ..exceptions import InvalidSettings, MissingExtra, quoted
from ..fields import collation_of
from .counts import check_room
from .filters import check_values
from .inherited import check_own_columns
from .keys import check_key_columns, check_key_ends
from .managers import check_managers
from .on_delete import check_owner, check_source_relations
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
    problems = problems_of(counter)
    found: list[CheckMessage] = [_error(counter, each.sentence, each.hint, each.number) for each in problems]
    if not any(each.number == 4 for each in problems):
        found += _check_negative(counter)
    found += [*_check_others(counter), *_check_buffer_alias(counter)]
    if not any(each.number in (60, 61) for each in problems):
        found += [*_check_collation(counter), *check_key_columns(counter)]
    found += [*check_capture(counter), *check_owner(counter)]
    source = None if problems else counter.source
    return found if source is None else [*found, *_check_source(counter, source)]


def _error(counter: CounterDeclaration, sentence: str, hint: str, number: int) -> Error:
    return Error(f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id=f"notifications_counter.E{number:03}")


def _check_negative(counter: CounterDeclaration) -> Iterator[CheckMessage]:
    field = counter.field
    if field.get_internal_type().startswith("Positive"):
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
    if isinstance(counter.buffer_alias, str) and counter.buffer_alias not in configured:
        hint = f"Configured are: {', '.join(sorted(map(str, configured))) or 'none'}."
        yield _error(counter, f"there is no buffer {quoted(counter.buffer_alias)} in the settings.", hint, 2)


def _check_collation(counter: CounterDeclaration) -> Iterator[CheckMessage]:
    connection = connections[counter.using or router.db_for_write(counter.model)]
    for key in (part.field for part in counter.keys.parts):
        is_text = isinstance(key, models.CharField | models.TextField)
        if is_text and not dialect_of(connection).tells_keys_apart(collation_of(key, connection)):
            yield mixed_keys(counter, f"the collation of {key} may call")


def mixed_keys(counter: CounterDeclaration, who: str) -> Warning:
    """Keys that are written differently have one count.

    Args:
        counter: the counter.
        who: how the sentence begins that says it.
    """
    sentence = f"{who} different texts equal. They have one count then, whose deltas are kept in the database, not in"
    hint = "If they are different keys, make it a notifications_counter.fields.KeyField; if not, silence this."
    said = f"{counter.label}: {sentence} Redis."
    return Warning(said, hint=hint, obj=counter.model, id="notifications_counter.W003")


def _check_source(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[CheckMessage]:
    """What is wrong with how a counter and its source, each right by itself, go together."""
    ends = list(check_key_ends(counter, source))
    yield from ends
    found = [*(one for one in ends if isinstance(one, Error)), *check_sum(counter, source)]
    yield from (one for one in found if one not in ends)
    yield from () if found else check_own_columns(counter, source) or check_columns(counter, source)
    yield from _check_databases(counter, source)
    yield from check_source_relations(counter, source)
    yield from check_values(counter, source)
    yield from check_managers(counter, source)


def _check_databases(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[Error]:
    of_source, of_counts = router.db_for_write(source), counter.using or router.db_for_write(counter.model)
    if of_source != of_counts:
        sentence = f"the source is written to the database {of_source!r}, its counts to {of_counts!r}."
        hint = "One transaction must hold both: route the count model to the database of the source."
        yield _error(counter, sentence, hint, 9)
