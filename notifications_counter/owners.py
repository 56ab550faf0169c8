"""Deletes elsewhere that set a column of a source: SET_NULL, SET_DEFAULT and SET() send no signal for its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import models

from .sources import UNCOUNTED, Keys, Source, change, count, sources, total

#: On the owner, between the two signals of its delete.
BEFORE = "_notifications_counter_owned"

NOT_SET = (models.CASCADE, models.PROTECT, models.RESTRICT)


def relations_that_set(source: Source) -> Iterator[Any]:
    """The foreign keys among the source's columns whose value a delete elsewhere may change."""
    for field in source.model._meta.concrete_fields:
        is_relation = field.remote_field is not None and field.attname in source.columns
        if is_relation and getattr(field.remote_field, "on_delete", None) not in NOT_SET:
            yield field


def before_owner_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    """Lock and read the rows that will lose their owner."""
    locked: list[tuple[Source, dict[Any, Keys]]] = []
    for source in sources():
        for field in relations_that_set(source):
            if field.related_model is sender:
                owned = {field.attname: getattr(instance, field.target_field.attname)}
                locked.append((source, source.lock(source.rows(using).filter(**owned), using)))
    setattr(instance, BEFORE, locked)


def after_owner_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    """Count what has become of them."""
    for source, before in instance.__dict__.pop(BEFORE, ()):
        after = source.read_pks(before, using)
        count(total(change(keys, after.get(pk, UNCOUNTED)) for pk, keys in before.items()), using)
