"""The declarations of all installed count models, each bound to its model as soon as that class is complete."""

from __future__ import annotations

import copy
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.signals import class_prepared
from django.dispatch import Signal

from ..exceptions import InvalidSettings, unknown
from .counter import CounterDeclaration

#: Sent with ``counter`` when a counter has been bound to its model.
counter_bound = Signal()

_counters: dict[str, CounterDeclaration] = {}


def declarations() -> list[CounterDeclaration]:
    """All counters of all installed count models, by label."""
    return [counter for _, counter in sorted(_counters.items()) if is_installed(counter)]


def is_installed(counter: CounterDeclaration) -> bool:
    """Whether the app of a count model is installed: a test may add it, and take it out again."""
    return counter.model._meta.app_label in apps.app_configs


def get_declaration(label: str) -> CounterDeclaration:
    """The counter with a label, ``app.Model.attribute``, of which the attribute may be left out where there is one.

    Raises:
        InvalidSettings: there is none, or more than one.
    """
    if label in _counters and is_installed(_counters[label]):
        return _counters[label]
    found = [counter for counter in declarations() if counter.model._meta.label.lower() == label.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        labels = ", ".join(counter.label for counter in found)
        raise InvalidSettings(f"{label!r} has several counters. Name one: {labels}.")
    raise InvalidSettings(unknown("counter", label, [each.label for each in declarations()]))


def _bind_all(sender: type[models.Model], **kwargs: Any) -> None:
    """Bind the counters of a model whose class is complete, those of its abstract bases included."""
    if sender._meta.proxy:
        _bind_of_proxy(sender)
        return
    for base in sender.__mro__:
        for name, attribute in list(vars(base).items()):
            if isinstance(attribute, CounterDeclaration) and getattr(sender, name) is attribute:
                _bind_one(sender, base, name, attribute)


def _bind_of_proxy(model: type[models.Model]) -> None:
    """Bind what a proxy declares by itself, for the checks to say that it cannot."""
    for attribute in list(vars(model).values()):
        if isinstance(attribute, CounterDeclaration):
            _bind(model, attribute)


def _bind_one(model: type[models.Model], base: type[Any], name: str, counter: CounterDeclaration) -> None:
    if base is model:
        _bind(model, counter)
    elif base._meta.abstract:
        own = copy.copy(counter)
        own.contribute_to_class(model, name)
        _bind(model, own)


def _bind(model: type[models.Model], counter: CounterDeclaration) -> None:
    counter.model = model
    if model._meta.apps is apps:
        _counters[counter.label] = counter
        counter_bound.send(sender=type(counter), counter=counter)


class_prepared.connect(_bind_all, dispatch_uid="notifications_counter")
