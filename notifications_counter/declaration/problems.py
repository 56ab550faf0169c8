"""What keeps a declaration from being understood: it counts nothing until that is corrected.

The system checks say it. Here, because a counter with such a problem must not keep Django from starting, nor the other
counters from counting; what is only dangerous is said by the checks alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models
from django.db.models import Q

from ..exceptions import InvalidSettings, quoted, unknown
from . import conditions
from .counter import CAPTURES, CounterDeclaration
from .values import refused


class Problem(NamedTuple):
    """One thing that is wrong with a declaration: the number of its error, a sentence, and what to do."""

    number: int
    sentence: str
    hint: str


def problems_of(counter: CounterDeclaration) -> list[Problem]:
    """All that is wrong; none where the counter can be used."""
    if counter.model._meta.proxy:
        label = counter.model._meta.concrete_model._meta.label  # type: ignore[union-attr]
        return [Problem(63, "its count model is a proxy, which has no table.", f"Declare the counter on {label}.")]
    missing = [field for field in counter.model._meta.pk_fields if _is_unresolved(field)]
    if missing:
        said = f"the primary key {missing[0].name!r} refers to {missing[0].related_model}, which is not installed."
        return [Problem(61, said, "Add its app to INSTALLED_APPS, or correct the name.")]
    found = [*_of_field(counter), *_of_alias(counter), *_of_capture(counter)]
    if counter.declared_source is not None:
        return [*found, *_of_source(counter)]
    if counter.source_key is not None or not (isinstance(counter.filter, Q) and not counter.filter):
        sentence = "key and filter say which rows of a source count, but there is no source."
        return [*found, Problem(5, sentence, "Give the counter a source, or leave out key and filter.")]
    if counter.sum is not None:
        sentence = f"sum={counter.sum!r} names a column of a source, but there is no source."
        return [*found, Problem(30, sentence, "Give the counter a source, or leave out sum.")]
    return found


def is_usable(counter: CounterDeclaration) -> bool:
    """Whether a counter can count."""
    return not problems_of(counter)


def refuse_unusable(counter: CounterDeclaration) -> None:
    """Refuse a counter that cannot count, instead of reading a number that nobody keeps.

    Raises:
        InvalidSettings: something is wrong with its declaration.
    """
    found = problems_of(counter)
    if found:
        said = " ".join(problem.sentence for problem in found)
        raise InvalidSettings(f"{counter.label}: {said} {found[0].hint} manage.py check says all of it.")


def columns_hint(model: type[models.Model], name: object = None) -> str:
    """The columns of a model, the one that was probably meant first."""
    names = [field.name for field in model._meta.concrete_fields]
    attnames = [field.attname for field in model._meta.concrete_fields]
    near = difflib.get_close_matches(str(name), [*names, *attnames], n=1)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    return f"{meant}Columns of {model._meta.label} are: {', '.join(names)}."


# The count model


def _of_field(counter: CounterDeclaration) -> Iterator[Problem]:
    hint = "Name the field with Counter(field=...); a BigIntegerField(default=0) does."
    try:
        field = counter.field
    except InvalidSettings as error:
        if counter.declared_field is not None:
            hint = f"{hint} {columns_hint(counter.model, counter.declared_field)}"
        yield Problem(4, str(error).removeprefix(f"{counter.label}: "), hint)
        return
    if field in counter.model._meta.pk_fields:
        yield Problem(4, f"{field.name!r} is part of the primary key.", hint)
    elif not isinstance(field, models.IntegerField | models.DecimalField):
        yield Problem(4, f"{field.name!r} is not an integer field.", hint)
    elif isinstance(field, models.DecimalField) and counter.sum is None:
        yield Problem(4, f"{field.name!r} is a decimal field, for sums only.", hint)


def _of_alias(counter: CounterDeclaration) -> Iterator[Problem]:
    if counter.using is not None and counter.using not in list(connections):
        hint = f"Name an alias of DATABASES, or leave out using. {_named('Aliases', connections)}"
        yield Problem(60, f"there is no database {quoted(counter.using)} in the settings.", hint)

    if not isinstance(counter.buffer_alias, str):
        hint = "Name one of NOTIFICATIONS_COUNTER['BUFFERS']."
        yield Problem(2, f"there is no buffer {quoted(counter.buffer_alias)} in the settings.", hint)


def _of_capture(counter: CounterDeclaration) -> Iterator[Problem]:
    if counter.capture not in CAPTURES:
        hint = f"Write capture={' or capture='.join(map(repr, CAPTURES))}."
        yield Problem(15, unknown("capture", counter.capture, CAPTURES), hint)
    if counter.capture == "triggers" and counter.declared_source is None:
        hint = 'Give the counter a source, or leave out capture="triggers".'
        yield Problem(16, "triggers stand on the table of a source, but there is no source.", hint)


def _named(what: str, names: Iterable[str]) -> str:
    return f"{what} are: {', '.join(sorted(names))}."


# The source


def _of_source(counter: CounterDeclaration) -> Iterator[Problem]:
    try:
        source = counter.source
    except (LookupError, ValueError):
        yield Problem(
            6, f"there is no model {quoted(counter.declared_source)} to be the source.", _source_hint(counter)
        )
        return
    if not (isinstance(source, type) and issubclass(source, models.Model)):
        yield Problem(6, f"{quoted(source)} is no model to be the source.", "Give a model, or 'app.Model'.")
        return
    kind = _wrong_kind(counter, source)
    if kind is not None:
        yield kind
        return
    yield from _of_key(counter, source)
    yield from _of_filter(counter, source)
    yield from _of_sum(counter, source)


def _source_hint(counter: CounterDeclaration) -> str:
    labels = [model._meta.label for model in counter.model._meta.apps.get_models()]
    near = difflib.get_close_matches(str(counter.declared_source), labels, n=1)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    return f"{meant}Write it as 'app.Model', of an app that is in INSTALLED_APPS."


def _wrong_kind(counter: CounterDeclaration, source: type[models.Model]) -> Problem | None:
    label = source._meta.label
    if source._meta.abstract:
        hint = "Name a model that inherits from it; each of them needs a counter of its own."
        return Problem(6, f"the source {label} is abstract, and has no rows.", hint)
    if source._meta.swapped:
        hint = f"Give settings.{source._meta.swappable} as the source."
        return Problem(6, f"the source {label} has been swapped for {source._meta.swapped}, and has no table.", hint)
    if source is counter.model:
        hint = "Give the counter a count model of its own, whose rows the flushes write."
        return Problem(6, f"the source {label} is the count model itself.", hint)
    return None


# The key


def _of_key(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[Problem]:
    if counter.source_key is None or not counter.source_key:
        sentence = "key is missing: which column of the source says whose count a row belongs to?"
        yield Problem(7, sentence, columns_hint(source))
        return
    if not _are_names(counter.source_key):
        sentence = f"key={quoted(counter.source_key)} is neither the name of a column nor a tuple of names."
        yield Problem(7, sentence, columns_hint(source))
        return
    wrong = [name for name in counter.source_keys if not _has_column(source, name)]
    for name in wrong:
        sentence = f"key: {source._meta.label} has no column {quoted(name)}."
        yield Problem(7, sentence, f"{_no_column_hint(source, name)}{columns_hint(source, name)}")
    if not wrong:
        yield from _of_parts(counter)


def _are_names(key: object) -> bool:
    return isinstance(key, str) or (isinstance(key, tuple | list) and all(isinstance(name, str) for name in key))


def _has_column(source: type[models.Model], name: str) -> bool:
    try:
        conditions.column(source, name)
    except FieldDoesNotExist:
        return False
    return True


def _no_column_hint(source: type[models.Model], name: str) -> str:
    """What to do about a name that means something, but no column."""
    if "__" in name:
        return "A key must be a column of the source itself, not one of a model that it refers to. "
    try:
        field = source._meta.get_field(name)
    except FieldDoesNotExist:
        return ""
    if field.many_to_many and not field.auto_created:
        through: Any = getattr(field.remote_field, "through", None)
        return f"{name!r} is a many-to-many field: count the rows of {through._meta.label} instead. " if through else ""
    return f"{name!r} is no column of its table. "


def _is_unresolved(field: models.Field[Any, Any]) -> bool:
    return field.remote_field is not None and isinstance(field.remote_field.model, str)


def _of_parts(counter: CounterDeclaration) -> Iterator[Problem]:
    """The columns of the key must be those of the count model's primary key, in the same order."""
    label, own = counter.model._meta.label, [part.column.name for part in counter.keys.parts]
    hint = f"The primary key of {label} is: {', '.join(own)}. Name the column of the source for each, in that order."
    if isinstance(counter.source_key, str) is counter.keys.is_composite or len(counter.source_keys) != len(own):
        if not counter.keys.is_composite:
            hint = f"Name one column, without a tuple, or give {label} a CompositePrimaryKey."
        said = f"key={quoted(counter.source_key)} has not as many columns as the primary key of {label}."
        yield Problem(21, said, hint)
    elif counter.source_keys != own and sorted(counter.source_keys) == sorted(own):
        yield Problem(21, f"key={quoted(counter.source_key)} has another order than the primary key.", hint)


# The filter, and the column that is summed


def _of_filter(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[Problem]:
    given: Any = counter.filter
    if not isinstance(given, Q):
        hint = f"Write filter={_as_q(given)}, with Q from django.db.models."
        yield Problem(8, f"filter={quoted(given)} is no Q object.", hint)
        return
    for sentence, name in conditions.problems(given, source):
        hint = f"Use {conditions.ALLOWED}, joined by &, | and ~."
        yield Problem(8, f"filter: {sentence}", f"{hint} {columns_hint(source, name)}" if name is not None else hint)
    for sentence, hint in refused(given, source):
        yield Problem(8, f"filter: {sentence}", hint)


def _as_q(given: object) -> str:
    is_meant = isinstance(given, dict) and all(isinstance(name, str) and name.isidentifier() for name in given)
    pairs = ", ".join(f"{name}={quoted(value)}" for name, value in given.items()) if is_meant else "..."  # type: ignore[attr-defined]
    return f"Q({pairs})"


def _of_sum(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[Problem]:
    if counter.sum is not None and not (isinstance(counter.sum, str) and _has_column(source, counter.sum)):
        sentence = f"sum: {source._meta.label} has no column {quoted(counter.sum)}."
        yield Problem(31, sentence, columns_hint(source, counter.sum))
