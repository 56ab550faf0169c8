"""What a row adds to its count, as the integers in which amounts are buffered and sent.

A count of rows, and a sum of integers, are integers already. A sum of decimals is counted in units: multiples of the
smallest amount that the count model's field can hold, cents where it has two decimal places. Only what people and
programs read, and the count row itself, is a decimal again.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

from django.db import models
from django.db.models import Func

from ..conf import is_integer
from ..dialects import Dialect, dialect_of
from ..exceptions import InvalidDelta, quoted

#: Doubles, in which Redis keeps its scores, are exact up to here.
LARGEST_DELTA = 2**53

#: Whatever precision a program has chosen for its own decimals.
EXACT = Context(prec=100)


def plain_column(field: models.Field[Any, Any]) -> models.Field[Any, Any]:
    """The field that says what a column holds: of a generated one that of its expression."""
    return getattr(field, "output_field", field) if getattr(field, "generated", False) else field


class Amounts:
    """The amounts of a counter of rows or events, or of one that sums integers: they are units already.

    Args:
        label: the counter's label, for messages.
    """

    def __init__(self, label: str) -> None:
        self.label = label

    #: How many decimal places a unit stands for.
    places = 0

    #: Turns units into what is read; None where they are that.
    from_units: Callable[[int], Decimal] | None = None

    def read(self, units: int) -> int | Decimal:
        """What a number of units is, as it is read."""
        return units if self.from_units is None else self.from_units(units)

    def of_value(self, value: Any) -> int:
        """The units of a value of the summed column, or of the count field; NULL is 0."""
        return int(value or 0)

    def delta(self, amount: Any, key: Any) -> int:
        """The units of an amount that a program gives.

        Raises:
            InvalidDelta: they cannot be counted exactly.
        """
        if not is_integer(amount) or abs(amount) >= LARGEST_DELTA:
            raise InvalidDelta(f"A delta must be an integer below 2**53, not {quoted(amount)} (key {quoted(key)}).")
        return int(amount)

    def column_units(self, sql: str, dialect: Dialect) -> str:
        """SQL for the units of a value of the summed column, which is not NULL."""
        return dialect.integer_units(sql)

    def stored_units(self, sql: str, dialect: Dialect) -> str:
        """SQL for the units of a value of the count field."""
        return sql

    def stored_amount(self, sql: str, dialect: Dialect) -> str:
        """SQL for the value of the count field that so many units are."""
        return sql

    def stored_sum(self, sql: str, dialect: Dialect) -> str:
        """SQL for a sum of two values of the count field, as the field holds it."""
        return sql


class DecimalAmounts(Amounts):
    """The amounts of a counter that sums decimals.

    Args:
        label: the counter's label.
        places: decimal places of the count field.
        column_places: decimal places of the summed column, at most as many.
    """

    def __init__(self, label: str, places: int, column_places: int) -> None:
        super().__init__(label)
        self.places = places
        self.column_places = column_places
        self.scale = 10**places
        self.unit = Decimal((0, (1,), -places))
        self.from_units = self._from_units

    def _from_units(self, units: int) -> Decimal:
        return EXACT.multiply(units, self.unit)

    def of_value(self, value: Any) -> int:
        # What is no number is not equal to itself, and counts as NULL does.
        return 0 if value is None or value != value else int(EXACT.scaleb(value, self.places))

    def delta(self, amount: Any, key: Any) -> int:
        is_number = is_integer(amount) or (isinstance(amount, Decimal) and amount.is_finite())
        limit = self._from_units(LARGEST_DELTA)
        if is_number and -limit < amount < limit:
            numerator, denominator = amount.as_integer_ratio()
            units, rest = divmod(numerator * self.scale, denominator)
            if not rest:
                return int(units)
        raise InvalidDelta(
            f"A delta must be an integer or a Decimal of at most {self.places} decimal places, below {limit}, not"
            f" {quoted(amount)} (key {quoted(key)})."
        )

    def column_units(self, sql: str, dialect: Dialect) -> str:
        return dialect.decimal_units(sql, self.scale, self.column_places)

    def stored_units(self, sql: str, dialect: Dialect) -> str:
        return dialect.decimal_units(sql, self.scale, self.places)

    def stored_amount(self, sql: str, dialect: Dialect) -> str:
        return dialect.decimal(sql, self.scale, f"{self.unit:f}")

    def stored_sum(self, sql: str, dialect: Dialect) -> str:
        return dialect.decimal_sum(sql, self.places)


def is_exact(value: Decimal | None, field: models.DecimalField[Any, Any]) -> bool:
    """Whether a database holds a decimal in a column just as a program has set it."""
    if value is None or not value.is_finite():
        return value is None
    places = field.decimal_places or 0
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -places and value.adjusted() < (field.max_digits or 0) - places


class ColumnUnits(Func):
    """The units of a summed column, as an expression."""

    output_field = models.BigIntegerField()
    arity = 1

    def __init__(self, expression: Any, amounts: Amounts, **extra: Any) -> None:
        super().__init__(expression, **extra)
        self.amounts = amounts

    def as_sql(self, compiler: Any, connection: Any, *arguments: Any, **extra: Any) -> tuple[str, Any]:
        sql, parameters = compiler.compile(self.source_expressions[0])
        return self.written(sql, dialect_of(connection)), parameters

    def written(self, sql: str, dialect: Dialect) -> str:
        return self.amounts.column_units(sql, dialect)


class StoredUnits(ColumnUnits):
    """The units of a count field."""

    def written(self, sql: str, dialect: Dialect) -> str:
        return self.amounts.stored_units(sql, dialect)


class StoredAmount(ColumnUnits):
    """The value of a count field that so many units are."""

    def written(self, sql: str, dialect: Dialect) -> str:
        return self.amounts.stored_amount(sql, dialect)
