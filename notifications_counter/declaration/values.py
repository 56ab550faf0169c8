"""The values that a filter compares with: those that a field refuses, and those that would not stay what they are."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import Q
from django.utils.functional import LazyObject, Promise

from ..exceptions import described
from .conditions import LOOKUPS, column, comparison, is_expression, leaves


def refused(condition: Q, source: type[models.Model]) -> Iterator[tuple[str, str]]:
    """The values that cannot be compared with, each as a sentence and what to do about it.

    Args:
        condition: a condition; what is wrong with its names and lookups is said elsewhere.
        source: the model of the rows.
    """
    for name, lookup, value in leaves(condition):
        try:
            field = column(source, name)
        except FieldDoesNotExist:
            continue
        said_elsewhere = is_expression(value) or (value is None and lookup != "isnull")
        if said_elsewhere or (lookup not in LOOKUPS and lookup != "isnull"):
            continue
        found = _unstable(lookup, value) or _wrong_shape(lookup, value) or _not_taken(source, field, lookup, value)
        if found:
            yield f"{comparison(name, lookup, value)} {found[0]}", found[1]


def _unstable(lookup: str, value: Any) -> tuple[str, str] | None:
    if isinstance(value, Promise | LazyObject):
        return "compares with a lazy object, which may be another value each time.", "Write the value itself."
    if lookup == "in" and isinstance(value, Iterator):
        return "compares with an iterator, which gives its values only once.", "Make it a list: list(...)."
    if callable(value) and not (isinstance(value, type) and isinstance(value, Iterable)):
        return "compares with a function, which is not called.", "Write the value itself."
    return None


def _wrong_shape(lookup: str, value: Any) -> tuple[str, str] | None:
    if lookup == "isnull" and not isinstance(value, bool):
        return "is neither True nor False.", "Write __isnull=True or __isnull=False."
    if lookup == "in" and (isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable)):
        return "is no list of values.", "Write a list, such as __in=[1, 2], or compare without __in."
    return None


def _not_taken(
    source: type[models.Model], field: models.Field[Any, Any], lookup: str, value: Any
) -> tuple[str, str] | None:
    """Let the field convert the value as a query does; nothing is asked of a database."""
    if field.remote_field is not None and isinstance(field.remote_field.model, str):  # not there yet, or never
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Django says itself that a moment has no time zone
            models.QuerySet(source).filter(**{f"{field.attname if field.primary_key else field.name}__{lookup}": value})
    except Exception as error:  # whatever a field of somebody else raises
        said = " ".join(error.messages) if isinstance(error, ValidationError) else described(error)
        kind = type(field).__name__
        return f"has a value that the {kind} {field.name!r} does not take: {said}".rstrip(".") + ".", (
            f"Give a value that {field.name!r} can have."
        )
    return None
