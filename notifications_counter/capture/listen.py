"""Where the counters listen: which classes and signals tell them of changes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.db import models
from django.db.models.signals import class_prepared, post_save, pre_delete, pre_save

from ..compat import deletion, querysets, saves
from ..compat.signals import connect_first
from ..declaration.counter import CounterDeclaration as Counter
from ..declaration.registry import counter_bound, declarations
from .bulk import bulk_create, update
from .count_model import after_count_save, before_count_delete, before_count_save, has_counts, watch
from .deletes import delete_batch, raw_delete, update_batch
from .feed import source_added
from .saves import after_save, before_save, save_counted
from .sources import Source, make_source, refresh_all, sources_of


@cache
def install() -> None:
    """Reach what Django sends no signal for.

    Once: a test that overrides ``INSTALLED_APPS`` makes the app ready again.
    """
    saves.run_saves(lambda model: is_source(model) or has_counts(model), save_counted)
    querysets.run_methods(is_source, {"update": update, "bulk_create": bulk_create, "_raw_delete": raw_delete})
    deletion.wrap_delete_batch(is_source, delete_batch)
    deletion.wrap_update_batch(is_source, update_batch)


def is_source(model: type[models.Model]) -> bool:
    """Whether rows of a model are counted, in its own table or in one of a parent."""
    return bool(sources_of(model))


def connect_all() -> None:
    """Listen to the sources of all counters, those that are declared later included."""
    for counter in declarations():
        connect(counter)
    counter_bound.connect(_connect_bound, dispatch_uid="notifications_counter")
    source_added.connect(_listen_to_added, dispatch_uid="notifications_counter.added")
    setting_changed.connect(_refresh, dispatch_uid="notifications_counter.installed")
    class_prepared.connect(_listen_to_descendant, dispatch_uid="notifications_counter.descendants")


def _refresh(setting: str, **kwargs: Any) -> None:
    """A test has installed other apps, or those that were there before."""
    if setting == "INSTALLED_APPS":
        refresh_all()


def _connect_bound(counter: Counter, **kwargs: Any) -> None:
    connect(counter)


def connect(counter: Counter) -> None:
    """Listen to the source of a counter, as soon as that model is there; triggers need nobody to listen."""
    source = counter.declared_source
    if source is None:
        return
    _listen_to_counts(counter.model)
    if counter.capture != "triggers":
        key = tuple(source.lower().split(".")) if isinstance(source, str) else _model_key(source)
        if len(key) == 2:  # anything else is found by the checks
            apps.lazy_model_operation(lambda model: _count(model, counter), key)


def _model_key(model: type[models.Model]) -> tuple[str, ...]:
    return model._meta.app_label, model._meta.model_name or ""


def _count(declared: type[models.Model], counter: Counter) -> None:
    source = make_source(declared._meta.concrete_model or declared)
    source.add(counter)
    _listen_to_source(source)


def _listen_to_added(source: Source, **kwargs: Any) -> None:
    _listen_to_source(source)


def _listen_to_source(source: Source) -> None:
    for model in (source.model, *_descendants(source.model)):
        if not model._meta.abstract:
            _listen_to_saves(model)


def _descendants(model: type[models.Model]) -> Iterator[type[models.Model]]:
    """Proxies, and the models that inherit a table from a model."""
    for child in model.__subclasses__():
        yield child
        yield from _descendants(child)


def _listen_to_descendant(sender: type[models.Model], **kwargs: Any) -> None:
    """A proxy or child of a source that is declared after it."""
    if not sender._meta.abstract and is_source(sender):
        _listen_to_saves(sender)


def _listen_to_saves(model: type[models.Model]) -> None:
    connect_first(pre_save, before_save, sender=model)
    connect_first(post_save, after_save, sender=model)


def _listen_to_counts(model: type[models.Model]) -> None:
    watch(model)
    connect_first(pre_save, before_count_save, sender=model)
    connect_first(post_save, after_count_save, sender=model)
    connect_first(pre_delete, before_count_delete, sender=model)
