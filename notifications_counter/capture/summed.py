"""The decimal columns of a source that are summed: what a row in memory tells of them, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models.functions import Round

from ..declaration import conditions
from ..declaration.amounts import is_exact, plain_column
from ..declaration.counter import CounterDeclaration as Counter

TYPES: frozenset[type] = frozenset({Decimal, type(None)})


class SummedDecimals:
    """The decimal columns of a model that counters sum.

    Args:
        model: the model.
        counters: its counters.
        keys: attribute names of columns that are keys, whose decimals must be written as the database writes them.
        places: attribute name -> where the value of that column stands in a row.
    """

    def __init__(
        self, model: type[models.Model], counters: Iterable[Counter], keys: Iterable[str], places: Mapping[str, int]
    ) -> None:
        summed = [conditions.column(model, each.sum) for each in counters if each.sum is not None]
        keys = set(keys)
        #: As SQL rounds them that sums them: SQLite keeps more decimal places than a column has.
        self.rounded = {field.attname: rounded for field in summed if (rounded := _rounded(field)) is not None}
        self._plain = {
            field.attname: (places[field.attname], field)
            for field in summed
            if isinstance(field, models.DecimalField)
            and field.attname not in keys
            and conditions.converts_as_django(field)
        }
        #: The types that a program may have set, of which ``are_exact`` knows whether the database holds the same.
        self.types = dict.fromkeys(self._plain, TYPES)

    def are_exact(self, row: Sequence[Any]) -> bool:
        """Whether the database holds the decimals of a row, each of one of ``types``, just as they are in memory."""
        return all(is_exact(row[place], field) for place, field in self._plain.values())


def _rounded(field: models.Field[Any, Any]) -> Round | None:
    column = plain_column(field)
    return Round(field.attname, precision=column.decimal_places) if isinstance(column, models.DecimalField) else None
