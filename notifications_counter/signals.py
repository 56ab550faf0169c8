"""Changes of single rows: what ``save`` and ``delete`` do to the counts.

What a row counted before is read under a row lock in the same transaction; what the instance remembers is no evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from django.apps import apps
from django.db import connections, models, router, transaction
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from .counters import Counter, counter_bound, counters
from .sources import UNCOUNTED, Changes, Keys, Source, change, count, make_source, source_of, total

#: On the instance, between the two signals of one save or delete.
BEFORE = "_notifications_counter_before"


def connect_all() -> None:
    """Listen to the sources of all counters, those that are declared later included."""
    for counter in counters():
        connect(counter)
    counter_bound.connect(_connect_bound, dispatch_uid="notifications_counter")


def _connect_bound(counter: Counter, **kwargs: Any) -> None:
    connect(counter)


def connect(counter: Counter) -> None:
    """Listen to the source of a counter, as soon as that model is there; triggers need nobody to listen."""
    source = counter.declared_source
    if source is not None and counter.capture == "triggers":
        _listen_to_counts(counter)
    elif source is not None:
        key = tuple(source.lower().split(".")) if isinstance(source, str) else _model_key(source)
        if len(key) == 2:  # anything else is found by the checks
            apps.lazy_model_operation(lambda model: _listen(model, counter), key)


def _before_count_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    """A count row goes, with its user for instance: what it held waits instead, until its rows' deltas have come."""
    rows = sender._base_manager.using(using).filter(pk=instance.pk)
    if connections[using].features.has_select_for_update:
        rows = rows.select_for_update()
    for counter in counters():
        if counter.model is sender and counter.declared_source is not None:
            held = rows.values_list(counter.field.attname, flat=True).first()
            counter.count({counter.key_text(instance.pk): held} if held else {}, using)


def _model_key(model: type[models.Model]) -> tuple[str, ...]:
    return model._meta.app_label, model._meta.model_name or ""


def _listen(model: type[models.Model], counter: Counter) -> None:
    source = make_source(model)
    if not source.counters:
        _save_in_transaction(model)
        pre_save.connect(_before_save, sender=model, dispatch_uid="notifications_counter")
        post_save.connect(_after_save, sender=model, dispatch_uid="notifications_counter")
        pre_delete.connect(_before_delete, sender=model, dispatch_uid="notifications_counter")
        post_delete.connect(_after_delete, sender=model, dispatch_uid="notifications_counter")
    source.add(counter)
    _listen_to_counts(counter)


def _listen_to_counts(counter: Counter) -> None:
    pre_delete.connect(_before_count_delete, sender=counter.model, dispatch_uid="notifications_counter.counts")


def _save_in_transaction(model: type[models.Model]) -> None:
    """Let both signals of a save, and so the row's deltas, share the row's transaction."""
    save_base = model.save_base

    @wraps(save_base)
    def counted_save_base(
        self: models.Model,
        raw: bool = False,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Any = None,
    ) -> None:
        using = using or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using, savepoint=False):
            save_base(self, raw, force_insert, force_update, using, update_fields)

    model.save_base = counted_save_base  # type: ignore[method-assign]


# Saves


def _before_save(sender: Any, instance: models.Model, using: str, update_fields: Any, **kwargs: Any) -> None:
    source = source_of(sender)
    assert source is not None
    if update_fields is not None and not _touches(source, update_fields):
        return
    before = UNCOUNTED if instance.pk is None else source.lock_one(using, instance.pk)
    setattr(instance, BEFORE, before or UNCOUNTED)


def _touches(source: Source, names: Any) -> bool:
    """Whether any of these fields says if, and for whom, a row counts."""
    fields = (field for field in source.model._meta.concrete_fields if field.attname in source.columns)
    return any(field.name in names or field.attname in names for field in fields)


def _after_save(sender: Any, instance: models.Model, using: str, update_fields: Any, **kwargs: Any) -> None:
    source = source_of(sender)
    before: Keys | None = instance.__dict__.pop(BEFORE, None)
    if source is None or before is None:
        return
    partly = update_fields is not None and not source.columns <= _attnames(source, update_fields)
    if partly:
        after = source.keys_in_database([instance], using).get(instance.pk, UNCOUNTED)
    else:
        (after,) = source.keys_of([instance], using)
    count(change(before, after), using)


def _attnames(source: Source, names: Any) -> set[str]:
    fields = source.model._meta.concrete_fields
    return {field.attname for field in fields if field.name in names or field.attname in names}


# Deletes

#: What the rows count for that a queryset's ``delete`` has locked; it collects the deltas of all of them.
_deleting: ContextVar[Deletion | None] = ContextVar("notifications_counter_deleting", default=None)


class Deletion:
    """A ``delete`` of many rows of one source, locked and read at once."""

    def __init__(self, model: type[models.Model], locked: dict[Any, Keys], using: str) -> None:
        self.model = model
        self.locked = locked
        self.using = using
        self.changes: list[Changes] = []


@contextmanager
def deletion(source: Source, rows: models.QuerySet[Any], using: str) -> Iterator[None]:
    """Count the deletes of these rows together; inside a transaction."""
    current = Deletion(source.model, source.lock(rows, using), using)
    token = _deleting.set(current)
    try:
        yield
    finally:
        _deleting.reset(token)
    count(total(current.changes), using)


def _before_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    source = source_of(sender)
    assert source is not None
    current = _deleting.get()
    if current is not None and current.model is source.model and instance.pk in current.locked:
        return
    setattr(instance, BEFORE, source.lock_one(using, instance.pk) or UNCOUNTED)


def _after_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    before: Keys | None = instance.__dict__.pop(BEFORE, None)
    if before is not None:
        count(change(before, UNCOUNTED), using)
        return
    current = _deleting.get()
    if current is not None:
        current.changes.append(change(current.locked.get(instance.pk, UNCOUNTED), UNCOUNTED))
