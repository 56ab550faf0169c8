"""Changes of single rows: what ``save`` and ``delete`` do to the counts.

What a row counted before is read under a row lock in the same transaction; what the instance remembers is no evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import Any

from django.apps import apps
from django.db import models, router, transaction
from django.db.models.signals import class_prepared, post_delete, post_save, pre_delete, pre_save

from .count_rows import after_count_save, before_count_delete, before_count_save
from .counters import Counter, counter_bound, counters
from .deletions import current_deletion
from .managers import count_managers
from .owners import after_owner_delete, before_owner_delete, relations_that_set
from .sources import UNCOUNTED, Keys, change, count, make_source, source_of

#: On the instance, between the two signals of one save or delete.
BEFORE = "_notifications_counter_before"


def connect_all() -> None:
    """Listen to the sources of all counters, those that are declared later included."""
    for counter in counters():
        connect(counter)
    counter_bound.connect(_connect_bound, dispatch_uid="notifications_counter")
    class_prepared.connect(_listen_to_descendant, dispatch_uid="notifications_counter.descendants")


def _connect_bound(counter: Counter, **kwargs: Any) -> None:
    connect(counter)


def connect(counter: Counter) -> None:
    """Listen to the source of a counter, as soon as that model is there."""
    source = counter.declared_source
    if source is not None:
        key = tuple(source.lower().split(".")) if isinstance(source, str) else _model_key(source)
        if len(key) == 2:  # anything else is found by the checks
            apps.lazy_model_operation(lambda model: _listen(model, counter), key)


def _model_key(model: type[models.Model]) -> tuple[str, ...]:
    return model._meta.app_label, model._meta.model_name or ""


def _listen(model: type[models.Model], counter: Counter) -> None:
    source = make_source(model)
    source.add(counter)
    for each in (model, *_descendants(model)):
        _listen_to(each)
    for relation in relations_that_set(source):
        _connect(relation.related_model, (pre_delete, before_owner_delete), (post_delete, after_owner_delete))
    _save_in_transaction(counter.model)
    _connect(counter.model, (pre_save, before_count_save), (post_save, after_count_save))
    _connect(counter.model, (pre_delete, before_count_delete))


def _descendants(model: type[models.Model]) -> Iterator[type[models.Model]]:
    """Proxies, and the models that inherit a table from a model."""
    for child in model.__subclasses__():
        yield child
        yield from _descendants(child)


def _listen_to(model: type[models.Model]) -> None:
    if not model._meta.abstract:
        _save_in_transaction(model)
        count_managers(model)
        _connect(model, (pre_save, _before_save), (post_save, _after_save))
        _connect(model, (pre_delete, _before_delete), (post_delete, _after_delete))


def _connect(model: Any, *pairs: tuple[Any, Any]) -> None:
    for signal, receiver in pairs:
        signal.connect(receiver, sender=model, dispatch_uid=f"notifications_counter.{receiver.__name__}")


def _listen_to_descendant(sender: type[models.Model], **kwargs: Any) -> None:
    """A proxy or child of a source that is declared after it."""
    if not sender._meta.abstract and source_of(sender) is not None:
        _listen_to(sender)


def _save_in_transaction(model: type[models.Model]) -> None:
    """Let both signals of a save, and so the row's deltas, share the row's transaction."""
    save_base = model.save_base
    if getattr(save_base, "counts", False):
        return

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

    counted_save_base.counts = True  # type: ignore[attr-defined]
    model.save_base = counted_save_base  # type: ignore[method-assign]


# Saves


def _before_save(sender: Any, instance: models.Model, using: str, update_fields: Any, **kwargs: Any) -> None:
    source = source_of(sender)
    assert source is not None
    if update_fields is not None and not source.touches(update_fields):
        return
    pk = source.pk_of(instance)
    before = UNCOUNTED if pk is None else source.lock_one(using, pk)
    setattr(instance, BEFORE, before or UNCOUNTED)


def _after_save(sender: Any, instance: models.Model, using: str, update_fields: Any, **kwargs: Any) -> None:
    source = source_of(sender)
    before: Keys | None = instance.__dict__.pop(BEFORE, None)
    if source is None or before is None:
        return
    partly = update_fields is not None and not source.columns <= source.attnames(update_fields)
    if partly:
        after = source.keys_in_database([instance], using).get(source.pk_of(instance), UNCOUNTED)
    else:
        (after,) = source.keys_of([instance], using)
    count(change(before, after), using)


# Deletes


def _before_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    source = source_of(sender)
    # Of a child with a table of its own Django deletes the parent's row too, and says so.
    if source is None or sender._meta.concrete_model is not source.model:
        return
    current = current_deletion()
    if current is None or not current.holds(source.model, instance.pk):
        setattr(instance, BEFORE, source.lock_one(using, instance.pk) or UNCOUNTED)


def _after_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    source, current = source_of(sender), current_deletion()
    before: Keys | None = instance.__dict__.pop(BEFORE, None)
    if before is not None:
        count(change(before, UNCOUNTED), using)
    elif source is not None and current is not None and current.holds(sender._meta.concrete_model, instance.pk):
        current.delete(instance.pk)
