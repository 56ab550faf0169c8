"""Checks of the two ends of a key: the source's column that a row is counted by, and the count model's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import connections, models, router

from ..declaration import conditions
from ..declaration.amounts import plain_column
from ..declaration.counter import CounterDeclaration
from ..declaration.keys import LONGEST_KEY, Part, target

#: Kinds of fields whose values one text stands for, in Python as in every database.
KINDS: dict[str, tuple[type[models.Field[Any, Any]], ...]] = {
    "an integer": (models.IntegerField,),
    "text": (models.CharField, models.TextField),
    "a UUID": (models.UUIDField,),
    "a decimal": (models.DecimalField,),
    "a moment": (models.DateTimeField,),
    "a date": (models.DateField,),
    "a time": (models.TimeField,),
    "an IP address": (models.GenericIPAddressField,),
}

#: Kinds whose values have no such text: databases give back another one than was set, or several that are equal.
UNFIT = (models.FloatField, models.JSONField, models.BinaryField, models.DurationField, models.BooleanField)


def check_key_columns(counter: CounterDeclaration) -> Iterator[Error]:
    """Columns of the count model's primary key that cannot be counted by."""
    for part in counter.keys.parts:
        if isinstance(part.field, UNFIT):
            sentence = f"{part.column.name!r} is a {type(part.field).__name__}, which cannot be a key:"
            hint = "Count by an integer, text, a UUID, a decimal, a date or a time."
            said = f"{sentence} equal values of it may be written in several ways."
            yield _error(counter, said, hint, 52)


def check_key_ends(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[CheckMessage]:
    """Columns of the source that do not say what those of the count model's primary key say."""
    for name, part in zip(counter.source_keys, counter.keys.parts, strict=True):
        column = conditions.column(source, name)
        found = _check_references(counter, column, part) or _check_types(counter, column, part)
        yield from found or _check_size(counter, column, part)


def _check_references(counter: CounterDeclaration, column: models.Field[Any, Any], part: Part) -> list[CheckMessage]:
    """Relations must refer to the same column."""
    own, theirs = part.field, target(column)
    if column.remote_field is None or part.column.remote_field is None:
        return []
    if theirs is own:
        return _check_constraint(counter, column, part)
    of_source, of_counts = (f"{each.model._meta.label}.{each.name}" for each in (theirs, own))
    said = f"key: {column.name!r} refers to {of_source}, but {part.column.name!r} to {of_counts}"
    if theirs.model._meta.concrete_model is own.model._meta.concrete_model:
        hint = "Give both relations the same to_field."
        return [_error(counter, f"{said}: a row would be counted for somebody else.", hint, 50)]
    hint = "Let both refer to the same model; if both share their primary keys, silence this."
    warning = _warning(counter, f"{said}, which may be somebody else.", hint, 50)
    return [warning, *_check_types(counter, column, part)]


def _check_constraint(counter: CounterDeclaration, column: Any, part: Part) -> list[CheckMessage]:
    """A constraint keeps out the counts of those who are no rows of the model that the count model refers to, yet."""
    wanted, given = part.column.target_field.model, column.target_field.model  # type: ignore[attr-defined]
    if not getattr(part.column, "db_constraint", True) or issubclass(given, wanted):
        return []
    said = f"key: {column.name!r} refers to {given._meta.label}, but {part.column.name!r} to {wanted._meta.label}"
    hint = "Give it db_constraint=False, or let both refer to the same model."
    return [_warning(counter, f"{said}: the counts of others cannot be stored.", hint, 50)]


def _check_types(counter: CounterDeclaration, column: models.Field[Any, Any], part: Part) -> list[CheckMessage]:
    field = plain_column(target(column))
    kind, own = _kind(field), _kind(part.field)
    if counter.capture == "triggers" or (not isinstance(field, UNFIT) and kind == own):
        return []  # of triggers, which take less, their own check says it
    said = f"{column.name!r} of {column.model._meta.label} is {kind}, but {part.column.name!r} of"
    sentence = f"key: {said} {counter.model._meta.label} is {own}, so that rows could not be counted."
    return [_error(counter, sentence, "Give both the same kind of field.", 51)]


def _kind(field: models.Field[Any, Any]) -> str:
    found = next((name for name, kinds in KINDS.items() if isinstance(field, kinds)), None)
    return found or f"a {type(field).__name__}"


def _check_size(counter: CounterDeclaration, column: models.Field[Any, Any], part: Part) -> Iterator[CheckMessage]:
    field, own = plain_column(target(column)), part.field
    if _takes_more(counter, field, own):
        said = f"key: {column.name!r} takes values that are too large for {part.column.name!r}, and cannot be saved."
        yield _warning(counter, said, "Make the count model's column as large as that of the source.", 51)


def _takes_more(counter: CounterDeclaration, field: Any, own: Any) -> bool:
    if isinstance(own, models.DecimalField) and isinstance(field, models.DecimalField):
        digits = own.max_digits - own.decimal_places
        return bool(field.decimal_places > own.decimal_places or field.max_digits - field.decimal_places > digits)
    if isinstance(own, models.IntegerField) and isinstance(field, models.IntegerField):
        ops = connections[counter.using or router.db_for_write(counter.model)].ops
        (low, high), (least, most) = (ops.integer_field_range(each.get_internal_type()) for each in (field, own))
        return (least is not None and (low is None or low < least)) or (
            most is not None and (high is None or high > most)
        )
    lengths = getattr(field, "max_length", None), getattr(own, "max_length", None)
    longest = LONGEST_KEY if isinstance(field, KINDS["text"]) else 0  # where it may be of any length
    return lengths[1] is not None and (lengths[0] or longest) > lengths[1]


def _error(counter: CounterDeclaration, sentence: str, hint: str, number: int) -> Error:
    return Error(f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id=f"notifications_counter.E{number:03}")


def _warning(counter: CounterDeclaration, sentence: str, hint: str, number: int) -> Warning:
    return Warning(
        f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id=f"notifications_counter.W{number:03}"
    )
