"""Count rows that a program changes by itself: the difference becomes a pending delta, so that no value changes.

A count row is deleted with its user, loaded from a fixture, or edited by hand. What counts are the rows of the source,
whose deltas are recorded when those change.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, models

from ..buffers.recording import store_of
from ..compat.uncached import rows_of
from ..declaration.counter import CounterDeclaration as Counter
from ..ledger import deltas

#: On the instance, between the two signals of one save.
BEFORE = "_notifications_counter_held"


#: Count model -> label -> counter.
_count_models: dict[type[models.Model], dict[str, Counter]] = {}


def watch(counter: Counter) -> None:
    """Record the difference where rows of the count model of a counter with a source change, from now on."""
    _count_models.setdefault(counter.model, {})[counter.label] = counter


def has_counts(model: type[models.Model]) -> bool:
    """Whether a model is the count model of a counter that has a source."""
    return model in _count_models


def _held(sender: Any, instance: models.Model, using: str) -> dict[Counter, int]:
    """What the count row, locked, holds for each counter of its model that has a source, in units."""
    rows: models.QuerySet[Any] = rows_of(sender, using).filter(pk=instance.pk)
    if connections[using].features.has_select_for_update and connections[using].in_atomic_block:
        rows = rows.select_for_update()
    counted = _count_models.get(sender, {}).values()
    held = {each: rows.values_list(each.field.attname, flat=True).first() for each in counted}
    return {each: each.amounts.of_value(value) for each, value in held.items()}


def _record(counter: Counter, instance: models.Model, difference: int, using: str) -> None:
    if difference:
        store_of(counter, using).insert_deltas({counter.key_text(instance.pk): difference})


def _is_new(instance: models.Model) -> bool:
    return any(getattr(instance, field.attname) is None for field in instance._meta.pk_fields)


def before_count_save(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    setattr(instance, BEFORE, {} if _is_new(instance) else _held(sender, instance, using))


def after_count_save(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    before = instance.__dict__.pop(BEFORE, {})
    for counter, held in _held(sender, instance, using).items():
        _record(counter, instance, before.get(counter, 0) - held, using)


def before_count_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    for counter, held in _held(sender, instance, using).items():
        if held:  # what goes with the row's owner is one delta with it
            key, declaration = counter.key_text(instance.pk), store_of(counter, using).declaration
            deltas.insert_to_be_joined(connections[using], counter.label, key, held, declaration)
