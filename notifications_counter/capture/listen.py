"""Where the counters listen: which classes and signals tell them of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.db import models
from django.db.models.signals import class_prepared, post_save, pre_delete, pre_save

from ..compat import deletion, querysets, saves
from ..compat.signals import connect_first
from ..declaration.counter import CounterDeclaration as Counter
from ..declaration.problems import is_usable
from ..declaration.registry import counter_bound, declarations
from ..ledger.tables import Delta, Progress, RefusedKey
from .bulk import bulk_create, update
from .count_model import after_count_save, before_count_delete, before_count_save, has_counts, watch
from .deletes import delete_batch, raw_delete, update_batch
from .feed import source_added
from .gone import is_followed
from .saves import after_save, before_save, before_table, save_counted
from .sources import Source, make_source, refresh_all, sources_of

#: App label and model name of models that are not there yet -> the counters of which they are the source.
_waiting: dict[tuple[str, ...], list[Counter]] = {}

#: The package's own tables.
OWN = {Delta, Progress, RefusedKey}


@cache
def install() -> None:
    """Reach what Django sends no signal for.

    Once: a test that overrides ``INSTALLED_APPS`` makes the app ready again.
    """
    saves.run_saves(_around, before_table)
    querysets.run_methods(is_source, {"update": update, "bulk_create": bulk_create})
    querysets.run_methods(is_deleted_with_care, {"_raw_delete": raw_delete})
    deletion.wrap_delete_batch(is_deleted_with_care, delete_batch)
    deletion.wrap_update_batch(is_source, update_batch)


def _around(model: type[models.Model]) -> saves.Around | None:
    """What runs the saves of a model."""
    if sources_of(model) or has_counts(model):
        return save_counted
    return _save_own if model in OWN else None


def _save_own(save: Callable[[], None], instance: models.Model, using: str, raw: bool, *args: Any) -> None:
    if not raw:  # what a fixture has of these tables is of another database
        save()


def is_source(model: type[models.Model]) -> bool:
    """Whether rows of a model are counted, in its own table or in one of a parent."""
    return bool(sources_of(model))


def is_deleted_with_care(model: type[models.Model]) -> bool:
    """Whether rows of a model are counted, or others may depend on them."""
    return is_source(model) or is_followed(model)


def connect_all() -> None:
    """Listen to the sources of all counters, those that are declared later included."""
    for counter in declarations():
        connect(counter)
    for key in list(_waiting):
        _count_waiting(key)
    counter_bound.connect(_connect_bound, dispatch_uid="notifications_counter")
    source_added.connect(_listen_to_added, dispatch_uid="notifications_counter.added")
    class_prepared.connect(_listen_to_late, dispatch_uid="notifications_counter.late")
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
    key = tuple(source.lower().split(".")) if isinstance(source, str) else _model_key(source)
    if len(key) == 2:  # anything else is found by the checks
        _waiting.setdefault(key, []).append(counter)
        _count_waiting(key)


def _count_waiting(key: tuple[str, ...]) -> None:
    """Count the rows of a model for the counters that wait for it, if it is there.

    While a test installs another app, whose models are just being imported, nothing can be looked up: ``connect_all``
    comes again.
    """
    if not apps.models_ready:
        return
    with suppress(LookupError):
        model = apps.get_registered_model(*key)
        for counter in _waiting.pop(key, ()):
            _count(model, counter)


def _listen_to_late(sender: type[models.Model], **kwargs: Any) -> None:
    """A model that a counter waits for, and that is registered in a moment.

    Only now: for a model that never comes Django would say so, too, and not in words that help.
    """
    key = _model_key(sender)
    if key in _waiting:
        apps.lazy_model_operation(lambda model: _count_waiting(key), key)


def _model_key(model: Any) -> tuple[str, ...]:
    is_model = isinstance(model, type) and issubclass(model, models.Model)
    return (model._meta.app_label, model._meta.model_name or "") if is_model else ()


def _count(declared: type[models.Model], counter: Counter) -> None:
    """Count the rows of a source; the checks say what keeps a counter from being understood."""
    if not is_usable(counter):
        return
    _listen_to_counts(counter)
    if counter.capture != "triggers":
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


def _listen_to_counts(counter: Counter) -> None:
    watch(counter)
    connect_first(pre_save, before_count_save, sender=counter.model)
    connect_first(post_save, after_count_save, sender=counter.model)
    connect_first(pre_delete, before_count_delete, sender=counter.model)
