"""Count rows that a program changes by itself: the difference waits beside them, so that no value changes.

A user's row goes with the user, a fixture brings one along, somebody mends one by hand: what counts are the rows of the
source, and their deltas come by other ways.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.db import connections, models, router, transaction

from ..buffers.recording import store_of
from ..declaration.counter import CounterDeclaration as Counter
from ..declaration.registry import declarations

#: On the instance, between the two signals of one save.
BEFORE = "_notifications_counter_held"


def save_in_transaction(model: type[models.Model]) -> None:
    """Let a count row's save and its difference share one transaction."""
    save_base = model.save_base
    if getattr(save_base, "counts", False):
        return

    @wraps(save_base)
    def counted_save_base(self: models.Model, *args: Any, **kwargs: Any) -> None:
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using, savepoint=False):
            save_base(self, *args, **kwargs)

    counted_save_base.counts = True  # type: ignore[attr-defined]
    model.save_base = counted_save_base  # type: ignore[method-assign]


def _held(sender: Any, instance: models.Model, using: str) -> dict[Counter, int]:
    """What the count row, locked, holds for each counter of its model that has a source."""
    rows: models.QuerySet[Any] = models.QuerySet(sender, using=using).filter(pk=instance.pk)
    if connections[using].features.has_select_for_update and connections[using].in_atomic_block:
        rows = rows.select_for_update()
    counted = [each for each in declarations() if each.model is sender and each.declared_source is not None]
    return {each: rows.values_list(each.field.attname, flat=True).first() or 0 for each in counted}


def _leave(counter: Counter, instance: models.Model, difference: int, using: str) -> None:
    if difference:
        store_of(counter, using).insert_deltas({counter.key_text(instance.pk): difference})


def before_count_save(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    setattr(instance, BEFORE, {} if instance.pk is None else _held(sender, instance, using))


def after_count_save(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    before = instance.__dict__.pop(BEFORE, {})
    for counter, held in _held(sender, instance, using).items():
        _leave(counter, instance, before.get(counter, 0) - held, using)


def before_count_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    for counter, held in _held(sender, instance, using).items():
        _leave(counter, instance, held, using)
