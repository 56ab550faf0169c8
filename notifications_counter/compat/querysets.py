"""The bulk methods of every queryset: ``update``, ``bulk_create`` and ``_raw_delete``, to which a delete comes down.

They send no signals, and Django lets nobody choose the class of the querysets that a third-party manager builds. The
methods of ``QuerySet`` itself are wrapped, so that a subclass which changes their arguments is reached by what it makes
of them. That is done before any model is imported, so that copies which others make of the methods are reached too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from typing import Any, ClassVar

from django.db import models
from django.db.models.expressions import Col
from django.db.models.lookups import In
from django.db.models.sql.where import AND
from django.utils.datastructures import OrderedSet

QuerySet = models.QuerySet[Any]

#: Takes the method to be called, the queryset and the method's arguments.
Method = Callable[..., Any]

Concerns = Callable[[type[models.Model]], bool]

#: What is wrapped.
METHODS = ("update", "bulk_create", "_raw_delete")


class _Seam:
    """Who runs the methods: nobody until all models are there."""

    concerns: ClassVar[dict[str, Concerns]] = dict.fromkeys(METHODS, lambda model: False)
    around: ClassVar[dict[str, Method]] = {}


def run_methods(concerns: Concerns, around: Mapping[str, Method]) -> None:
    """Let functions run methods of the querysets of some models.

    Args:
        concerns: whether the querysets of a model are to be run by them.
        around: for some of ``METHODS``, called with the method, the queryset and its arguments.
    """
    _Seam.around.update(around)
    _Seam.concerns.update(dict.fromkeys(around, concerns))


@cache
def wrap_methods() -> None:
    """Wrap the methods, once, when the app is found and its models are not imported yet."""
    for name in METHODS:
        _wrap(name)


def _wrap(name: str) -> None:
    method = getattr(models.QuerySet, name)

    @wraps(method)
    def counted(self: QuerySet, *args: Any, **kwargs: Any) -> Any:
        if _Seam.concerns[name](self.model):
            return _Seam.around[name](method, self, *args, **kwargs)
        return method(self, *args, **kwargs)

    setattr(models.QuerySet, name, counted)


def uncounted(name: str) -> Method:
    """A method of ``QuerySet`` as Django has it."""
    method = getattr(models.QuerySet, name)
    return getattr(method, "__wrapped__", method)  # type: ignore[no-any-return]


def write_alias(queryset: QuerySet) -> str:
    """The database alias to which a queryset writes."""
    queryset._for_write = True  # type: ignore[attr-defined]
    return queryset.db


def can_be_filtered(queryset: QuerySet) -> bool:
    """Whether more conditions can be added; Django refuses to change the rows of what is sliced or combined."""
    return not (queryset.query.is_sliced or queryset.query.combinator)


def only(queryset: QuerySet, name: str, pks: Sequence[Any]) -> QuerySet:
    """A queryset's rows of which primary keys are named.

    A list of primary keys that it has among its conditions gives way to this one, which must be a part of it:
    PostgreSQL takes two lists for so many combinations that it would rather read the whole table.

    Args:
        queryset: the rows.
        name: how it calls the primary key.
        pks: which of them; all belong to the rows.
    """
    rows = queryset._chain()  # type: ignore[attr-defined]
    where = rows.query.where
    if where.connector == AND and not where.negated:
        where.children = [child for child in where.children if not _lists_pks(child, rows.model)]
    return models.QuerySet.filter(rows, **{f"{name}__in": pks})


def _lists_pks(condition: Any, model: type[models.Model]) -> bool:
    is_list = isinstance(condition, In) and isinstance(condition.rhs, list | tuple | set | OrderedSet)
    return is_list and isinstance(condition.lhs, Col) and condition.lhs.target is model._meta.pk
