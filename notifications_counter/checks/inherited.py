"""Checks of counters whose columns a child of another model inherits: changes by way of the parent would be missed."""

from __future__ import annotations

from django.core.checks import Error
from django.db import models

from ..declaration import conditions
from ..declaration.counter import CounterDeclaration


def check_own_columns(counter: CounterDeclaration, source: type[models.Model]) -> list[Error]:
    """Which columns of a counter by signals are in the table of a parent; of one by triggers E018 says so."""
    if counter.capture != "signals":
        return []
    names = [*counter.source_keys, *conditions.field_names(counter.filter, source)]
    read = {conditions.column(source, name) for name in [*names, *([] if counter.sum is None else [counter.sum])]}
    elsewhere = sorted(read - set(source._meta.local_concrete_fields), key=lambda field: field.name)
    if not elsewhere:
        return []
    found = ", ".join(f"{field.name} of {field.model._meta.label}" for field in elsewhere)
    sentence = f"a counter reads the table of its source, but {found} is in the table of a parent."
    parents = " or ".join(sorted({field.model._meta.label for field in elsewhere}))
    hint = f"Make {parents} the source, or give {source._meta.label} columns of its own."
    return [
        Error(f"{counter.label}: {sentence}", hint=hint, obj=counter.model, id="notifications_counter.E080"),
    ]
