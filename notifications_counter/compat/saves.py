"""``Model.save_base``: what happens around one save, its signals included; and ``Model._save_table``, inside of it.

Django sends ``pre_save`` and ``post_save`` outside of the save's transaction, without ``force_insert``, and for
automatic many-to-many tables not at all; and a receiver that fails after the write keeps the next ones from hearing of
it. A receiver of ``pre_save`` may give the instance another primary key: what is written then can only be seen between
the last receiver and the first table.

They are wrapped before any model class is made: libraries copy the method of a class as soon as it is complete
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
        using: str,
        raw: bool,
        force_insert: Any,
        force_update: bool,
        update_fields: Any,
        /,
    ) -> None: ...


class _Seam:
    """Who runs saves: nobody until all models are there."""

    around: Callable[[type[models.Model]], Around | None] = staticmethod(lambda model: None)
    before_table: Callable[[models.Model], None] = staticmethod(lambda instance: None)


def run_saves(
    around: Callable[[type[models.Model]], Around | None], before_table: Callable[[models.Model], None]
) -> None:
    """Let functions run the saves of some models.

    Args:
        around: gives what runs the saves of a model, by calling its first argument; None for all other models.
        before_table: called with an instance, of whatever model, before each of its tables is written to.
    """
    _Seam.around = staticmethod(around)
    _Seam.before_table = staticmethod(before_table)


@cache
def wrap_saves() -> None:
    """Wrap the methods, once, when the app is found and its models are not imported yet."""
    save_base = models.Model.save_base
    save_table = models.Model._save_table  # type: ignore[attr-defined]

    @wraps(save_base)
    def counted_save_base(
        self: models.Model,
        raw: bool = False,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Any = None,
    ) -> None:
        around = _Seam.around(type(self))
        if around is None:
            return save_base(self, raw, force_insert, force_update, using, update_fields)
        alias = using or router.db_for_write(type(self), instance=self)

        def save() -> None:
            save_base(self, raw, force_insert, force_update, alias, update_fields)

        return around(save, self, alias, raw, force_insert, force_update, update_fields)

    models.Model.save_base = counted_save_base  # type: ignore[method-assign]

    @wraps(save_table)
    def counted_save_table(self: models.Model, *args: Any, **kwargs: Any) -> Any:
        _Seam.before_table(self)
        return save_table(self, *args, **kwargs)

    models.Model._save_table = counted_save_table  # type: ignore[attr-defined]
