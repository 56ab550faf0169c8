"""Checks of counters that add a column's values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import Error
from django.db import connections, models, router

from ..declaration.counter import CounterDeclaration
from ..dialects import dialect_of


def check_sum(counter: CounterDeclaration, source: type[models.Model]) -> Iterator[Error]:
    """What keeps the values of a column from being added up in the count model's field."""
    if counter.sum is None:
        return
    column, field = counter.summed_column, counter.field
    is_number = isinstance(column, models.IntegerField | models.DecimalField)
    if not is_number or column is None or hasattr(column, "from_db_value"):
        hint = "Sum an IntegerField or a DecimalField, which the database adds up exactly."
        yield _error(counter, f"sum: {counter.sum!r} is neither an integer nor a decimal column.", hint, 31)
    elif isinstance(column, models.DecimalField):
        yield from _check_decimals(counter, column, field)
    else:
        yield from _check_integers(counter, column, field)


def _check_decimals(counter: CounterDeclaration, column: Any, field: Any) -> Iterator[Error]:
    of_column = f"DecimalField({column.max_digits}, {column.decimal_places})"
    hint = f"Make it a DecimalField with at least {column.decimal_places} decimal places, and digits for large sums."
    if not isinstance(field, models.DecimalField):
        yield _error(
            counter, f"{field.name!r} cannot hold sums of decimals: {counter.sum!r} is a {of_column}.", hint, 32
        )
        return
    before_point, needed = field.max_digits - field.decimal_places, column.max_digits - column.decimal_places
    if field.decimal_places < column.decimal_places or before_point < needed:
        own = f"DecimalField({field.max_digits}, {field.decimal_places})"
        sentence = f"{field.name!r} is a {own} and cannot hold what one row adds: {counter.sum!r} is a {of_column}."
        yield _error(counter, sentence, hint, 32)
    connection = connections[counter.using or router.db_for_write(counter.model)]
    digits = dialect_of(connection).decimal_digits
    if digits is not None and max(field.max_digits, column.max_digits) > digits:
        said = f"{field.name!r} or {counter.sum!r} has more"
        sentence = f"{connection.display_name} adds up decimals exactly to {digits} digits, and {said}."
        yield _error(counter, sentence, f"Give both max_digits of at most {digits}, or use another database.", 33)


def _check_integers(counter: CounterDeclaration, column: Any, field: Any) -> Iterator[Error]:
    if isinstance(field, models.DecimalField):
        sentence = f"{field.name!r} is a decimal field, but {counter.sum!r} is an integer column."
        yield _error(counter, sentence, "Make it a BigIntegerField.", 32)
        return
    ops = connections[counter.using or router.db_for_write(counter.model)].ops
    least, most = ops.integer_field_range(field.get_internal_type())
    low, high = ops.integer_field_range(column.get_internal_type())
    if None not in (least, most, low, high) and (low < least or high > most):
        sentence = f"{field.name!r} cannot hold what one row adds: {counter.sum!r} takes larger numbers."
        yield _error(counter, sentence, "Make it a BigIntegerField.", 32)


def _error(counter: CounterDeclaration, sentence: str, hint: str, number: int) -> Error:
    return Error(f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id=f"notifications_counter.E{number:03}")
