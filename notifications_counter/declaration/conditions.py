"""The condition of a counter, ``Counter(filter=Q(...))``, answered for a row in memory as the database answers it.

Django turns a negated comparison with NULL into a two-valued one, so that a condition made of the lookups below
has the same answer in SQL and in Python. What only the database can know, such as its collation, is left to it:
only booleans, integers and NULL are compared here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Q

from ..exceptions import quoted

LOOKUPS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, choices: value in choices,
}
#: The methods of a field through which a value goes to the database.
CONVERSIONS = ("to_python", "get_prep_value", "get_db_prep_value", "get_db_prep_save", "pre_save")
#: A part of the kind of an integer column -> how many bits its largest value has; the others have 31.
BITS = {"Small": 15, "Big": 63}
ALLOWED = "a comparison (exact, gt, gte, lt, lte), __in or __isnull on a field of the source itself"


def leaves(condition: Q) -> Iterator[tuple[str, str, Any]]:
    """The comparisons of a condition, as field name, lookup and value; what is none has no name."""
    for child in condition.children:
        if isinstance(child, Q):
            yield from leaves(child)
        elif isinstance(child, tuple) and len(child) == 2 and isinstance(child[0], str):
            yield split(child)
        else:
            yield "", type(child).__name__, child


def split(child: tuple[str, Any]) -> tuple[str, str, Any]:
    path, value = child
    name, _, lookup = path.partition("__")
    return name, lookup or "exact", value


def problems(condition: Q, source: type[models.Model]) -> list[tuple[str, str | None]]:
    """What keeps a condition from being answered both in SQL and in memory: a sentence, and a name that is no column's.

    Args:
        condition: the condition.
        source: the model of the rows.
    """
    found: list[tuple[str, str | None]] = []
    for name, lookup, value in leaves(condition):
        said = comparison(name, lookup, value)
        try:
            column(source, name)
        except FieldDoesNotExist:
            wrong = f"names no column of {source._meta.label}" if name else "is no comparison"
            found.append((f"{said} {wrong}.", name or None))
            continue
        if lookup not in LOOKUPS and lookup != "isnull":
            found.append((f"{said} is not {ALLOWED}.", None))
        elif is_expression(value):
            found.append((f"{said} compares with an expression, not with a value.", None))
        elif value is None and lookup not in ("exact", "isnull"):
            found.append((f"{said} compares with None.", None))
    if Q.XOR in _connectors(condition):
        found.append(("XOR is not one of &, | and ~.", None))
    return found


def is_expression(value: object) -> bool:
    """Whether a value is worked out by the database."""
    return hasattr(value, "resolve_expression") or isinstance(value, models.QuerySet)


def comparison(name: str, lookup: str, value: object) -> str:
    """A comparison as it was written, for messages."""
    what = f"{name}=" if lookup == "exact" else f"{name}__{lookup}=" if name else ""
    # Shown, a queryset would ask the database.
    return f"{what}{f'a {type(value).__name__}' if isinstance(value, models.QuerySet) else quoted(value)}"


def _connectors(condition: Q) -> set[str]:
    inner = (_connectors(child) for child in condition.children if isinstance(child, Q))
    return {condition.connector}.union(*inner)


def field_names(condition: Q, source: type[models.Model]) -> list[str]:
    """The attribute names of the columns that a condition reads."""
    return sorted({column(source, name).attname for name, _, _ in leaves(condition)})


def column(source: type[models.Model], name: str) -> models.Field[Any, Any]:
    """The column of a model that a name or an attribute name means.

    Raises:
        FieldDoesNotExist: there is none.
    """
    for field in source._meta.concrete_fields:
        if name in (field.name, field.attname) or (name == "pk" and field.primary_key):
            return field
    raise FieldDoesNotExist(f"{source._meta.label} has no column named {name!r}")


def compiled(
    condition: Q, source: type[models.Model], places: Mapping[str, int]
) -> Callable[[Sequence[Any]], bool] | None:
    """The function that says whether a row counts: all that is the same for every row is looked up here.

    Args:
        condition: the condition, of which ``problems`` found none.
        source: the model of the rows.
        places: attribute name -> where the value of that column stands in a row.

    Returns:
        A function of a row; None where only the database can answer.
    """
    if not all(_is_plain(column(source, name), lookup, value) for name, lookup, value in leaves(condition)):
        return None
    return _holds(condition, source, places)


def _is_plain(field: models.Field[Any, Any], lookup: str, value: Any) -> bool:
    """Whether a comparison with a field has the same answer in Python as in every database."""
    while field.remote_field is not None:
        field = field.target_field  # type: ignore[attr-defined]
    if not converts_as_django(field):
        return False
    wanted = list(value) if lookup == "in" else [value]
    # What a NULL among several values means has changed between versions of Django.
    if lookup == "in" and None in wanted:
        return False
    if isinstance(field, models.BooleanField):
        return all(value is None or isinstance(value, int) for value in wanted)
    return isinstance(field, models.IntegerField) and all(value is None or _fits(value, field) for value in wanted)


def _fits(value: object, field: models.Field[Any, Any]) -> bool:
    """Whether a column can hold a value in every database: Django compares with no other, and calls NULL less, too."""
    kind = field.get_internal_type()
    bits = next((bits for name, bits in BITS.items() if name in kind), 31)
    return isinstance(value, int) and (0 if kind.startswith("Positive") else -(2**bits)) <= value < 2**bits


def converts_as_django(field: models.Field[Any, Any]) -> bool:
    """Whether a field's class changes values on their way to the database and back only as Django's own do."""
    kind: Any = type(field)
    return _converts_as_django(kind)


@cache
def _converts_as_django(kind: Any) -> bool:
    methods = [getattr(kind, name) for name in CONVERSIONS] + [getattr(kind, "from_db_value", None)]
    return all(method is None or str(method.__module__).startswith("django.db.models.") for method in methods)


def _holds(condition: Q, source: type[models.Model], places: Mapping[str, int]) -> Callable[[Sequence[Any]], bool]:
    children = [
        _holds(child, source, places) if isinstance(child, Q) else _comparison(child, source, places)
        for child in condition.children
    ]
    if not children:  # an empty Q() counts everything, in Django too
        return lambda row: True
    joined, negated = any if condition.connector == Q.OR else all, condition.negated
    if len(children) == 1:
        (holds,) = children
        return (lambda row: not holds(row)) if negated else holds
    return lambda row: joined(child(row) for child in children) != negated


def _comparison(child: Any, source: type[models.Model], places: Mapping[str, int]) -> Callable[[Sequence[Any]], bool]:
    name, lookup, wanted = split(child)
    place = places[column(source, name).attname]
    if lookup == "isnull" or (lookup == "exact" and wanted is None):
        is_null = bool(wanted is None or wanted)
        return lambda row: (row[place] is None) == is_null
    compare = LOOKUPS[lookup]
    return lambda row: row[place] is not None and compare(row[place], wanted)
