"""``Model.save_base``: what happens around one save, its signals included.

Django sends ``pre_save`` and ``post_save`` outside of the save's transaction, without ``force_insert``, and for
automatic many-to-many tables not at all; and a receiver that fails after the write keeps the next ones from hearing of
it.

It is wrapped before any model class is made: libraries copy the method of a class as soon as it is complete
(``FieldTracker`` of django-model-utils does), and a copy from before would never be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Protocol

from django.db import models, router


class Around(Protocol):
    """What is to happen around a save."""

    def __call__(
        self,
        save: Callable[[], None],
        instance: models.Model,
        *,
        using: str,
        raw: bool,
        force_insert: Any,
        force_update: bool,
        update_fields: Any,
    ) -> None: ...


class _Seam:
    """Who runs saves: nobody until all models are there."""

    concerns: Callable[[type[models.Model]], bool] = staticmethod(lambda model: False)
    around: Around


def run_saves(concerns: Callable[[type[models.Model]], bool], around: Around) -> None:
    """Let a function run the saves of some models.

    Args:
        concerns: whether the saves of a model are to be run by it.
        around: runs a save by calling its first argument.
    """
    _Seam.around = staticmethod(around)
    _Seam.concerns = staticmethod(concerns)


@cache
def wrap_saves() -> None:
    """Wrap the method, once, when the app is found and its models are not imported yet."""
    save_base = models.Model.save_base

    @wraps(save_base)
    def counted_save_base(
        self: models.Model,
        raw: bool = False,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Any = None,
    ) -> None:
        if not _Seam.concerns(type(self)):
            return save_base(self, raw, force_insert, force_update, using, update_fields)
        alias = using or router.db_for_write(type(self), instance=self)

        def save() -> None:
            save_base(self, raw, force_insert, force_update, alias, update_fields)

        return _Seam.around(
            save,
            self,
            using=alias,
            raw=raw,
            force_insert=force_insert,
            force_update=force_update,
            update_fields=update_fields,
        )

    models.Model.save_base = counted_save_base  # type: ignore[method-assign]
