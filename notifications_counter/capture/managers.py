"""Bulk methods of a source that somebody else wrote: its managers give out querysets that count.

A manager is not replaced: its class becomes a subclass of itself, and its queryset class a subclass of its own, so
that ``isinstance``, the manager's own methods and related managers go on as before. The base manager, with which
``user.notifications.add(row)`` moves rows, is made anew by the model's options whenever their cache expires; their
class is changed in the same way.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.options import Options
from django.utils.functional import cached_property

from .querysets import CountedQuerySet


def count_managers(model: type[models.Model]) -> None:
    """Let all managers of a model, inherited ones too, give out counted querysets."""
    for base in model.__mro__:
        for manager in getattr(getattr(base, "_meta", None), "local_managers", ()):
            count_manager(manager)
    count_manager(model._default_manager)
    count_base_manager(model._meta)
    model._meta._expire_cache()  # type: ignore[attr-defined]  # the managers were copied before


def count_manager(manager: Any) -> None:
    queryset_class = getattr(manager, "_queryset_class", None)
    if queryset_class is not None and not issubclass(queryset_class, CountedQuerySet):
        namespace = {"_queryset_class": counted(queryset_class), "__module__": type(manager).__module__}
        manager.__class__ = type(type(manager).__name__, (type(manager),), namespace)


def count_base_manager(options: Any) -> None:
    if not isinstance(options, CountedOptions):
        options.__class__ = type("Options", (CountedOptions, type(options)), {"__module__": type(options).__module__})


class CountedOptions(Options):  # type: ignore[type-arg]
    """The options of a source."""

    @cached_property
    def base_manager(self) -> Any:
        manager = super().base_manager
        count_manager(manager)
        return manager


_counted: dict[type[Any], type[Any]] = {}


def counted(queryset_class: type[Any]) -> type[Any]:
    """A queryset class with counted bulk methods, and with all methods of another one."""
    if queryset_class not in _counted:
        namespace = {"__reduce__": _reduce, "__module__": queryset_class.__module__}
        _counted[queryset_class] = type(queryset_class.__name__, (CountedQuerySet, queryset_class), namespace)
    return _counted[queryset_class]


def _reduce(self: models.QuerySet[Any]) -> tuple[Any, ...]:
    """A class that was made here is found again by the one it was made of."""
    return _empty, (type(self).__mro__[2], self.model), self.__getstate__()


def _empty(queryset_class: type[Any], model: type[models.Model]) -> Any:
    return counted(queryset_class)(model=model)
