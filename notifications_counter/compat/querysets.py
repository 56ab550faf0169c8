"""The bulk methods of every queryset: ``update``, ``bulk_create`` and ``_raw_delete``, to which a delete comes down.

They send no signals, and Django lets nobody choose the class of the querysets that a third-party manager builds. The
methods of ``QuerySet`` itself are wrapped, so that a subclass which changes their arguments is reached by what it makes
of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import models

QuerySet = models.QuerySet[Any]

#: Takes the method to be called, the queryset and the method's arguments.
Method = Callable[..., Any]


def wrap_method(name: str, concerns: Callable[[type[models.Model]], bool], around: Method) -> None:
    """Let a function run a method of the querysets of some models.

    Args:
        name: of the method.
        concerns: whether the querysets of a model are to be run by it.
        around: called with the method, the queryset and its arguments.
    """
    method = getattr(models.QuerySet, name)

    @wraps(method)
    def counted(self: QuerySet, *args: Any, **kwargs: Any) -> Any:
        return around(method, self, *args, **kwargs) if concerns(self.model) else method(self, *args, **kwargs)

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
