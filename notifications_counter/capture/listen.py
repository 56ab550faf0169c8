"""Where the counters listen: which classes and signals tell them of changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.signals import class_prepared, post_delete, post_save, pre_delete, pre_save

from ..declaration.counter import CounterDeclaration as Counter
from ..declaration.registry import counter_bound, declarations
from .count_model import after_count_save, before_count_delete, before_count_save, save_in_transaction
from .deletions import after_delete, before_delete
from .managers import count_managers
from .on_delete import after_owner_delete, before_owner_delete, relations_that_set
from .saves import count_saves
from .sources import make_source, source_of


def connect_all() -> None:
    """Listen to the sources of all counters, those that are declared later included."""
    for counter in declarations():
        connect(counter)
    counter_bound.connect(_connect_bound, dispatch_uid="notifications_counter")
    class_prepared.connect(_listen_to_descendant, dispatch_uid="notifications_counter.descendants")


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


def _model_key(model: type[models.Model]) -> tuple[str, ...]:
    return model._meta.app_label, model._meta.model_name or ""


def _listen(declared: type[models.Model], counter: Counter) -> None:
    model = declared._meta.concrete_model or declared
    source = make_source(model)
    source.add(counter)
    for each in (model, *_descendants(model)):
        _listen_to(each)
    for relation in relations_that_set(source):
        _connect(relation.related_model, (pre_delete, before_owner_delete), (post_delete, after_owner_delete))
    _listen_to_counts(counter)


def _listen_to_counts(counter: Counter) -> None:
    save_in_transaction(counter.model)
    _connect(counter.model, (pre_save, before_count_save), (post_save, after_count_save))
    _connect(counter.model, (pre_delete, before_count_delete))


def _descendants(model: type[models.Model]) -> Iterator[type[models.Model]]:
    """Proxies, and the models that inherit a table from a model."""
    for child in model.__subclasses__():
        yield child
        yield from _descendants(child)


def _listen_to(model: type[models.Model]) -> None:
    if not model._meta.abstract:
        count_saves(model)
        count_managers(model)
        _connect(model, (pre_delete, before_delete), (post_delete, after_delete))


def _connect(model: Any, *pairs: tuple[Any, Any]) -> None:
    for signal, receiver in pairs:
        signal.connect(receiver, sender=model, dispatch_uid=f"notifications_counter.{receiver.__name__}")


def _listen_to_descendant(sender: type[models.Model], **kwargs: Any) -> None:
    """A proxy or child of a source that is declared after it."""
    if not sender._meta.abstract and source_of(sender) is not None:
        _listen_to(sender)
