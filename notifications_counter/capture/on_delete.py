"""Deletes elsewhere that set a column of a source: SET_NULL, SET_DEFAULT and SET() send no signal for its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import models

from . import held as watched
from .sources import UNCOUNTED, Source, change, count, sources, total

#: On the owner, between the two signals of its delete: the rows that it owned.
OWNED = "_notifications_counter_owned"

NOT_SET = (models.CASCADE, models.PROTECT, models.RESTRICT)


def relations_that_set(source: Source) -> Iterator[Any]:
    """The foreign keys among the source's columns whose value a delete elsewhere may change."""
    for field in source.model._meta.concrete_fields:
        is_relation = field.remote_field is not None and field.attname in source.columns
        if is_relation and getattr(field.remote_field, "on_delete", None) not in NOT_SET:
            yield field


def before_owner_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    """Lock and read the rows that will lose their owner."""
    owned: list[tuple[Source, set[Any]]] = []
    for source in sources():
        for field in relations_that_set(source):
            if field.related_model is sender:
                of_owner = {field.attname: getattr(instance, field.target_field.attname)}
                locked = source.lock(source.rows(using).filter(**of_owner), using)
                watched.watch(using, source.model, locked)
                owned.append((source, set(locked)))
    setattr(instance, OWNED, owned)


def after_owner_delete(sender: Any, instance: models.Model, using: str, **kwargs: Any) -> None:
    """Count what has become of them."""
    for source, pks in instance.__dict__.pop(OWNED, ()):
        before = {pk: watched.take(using, source.model, pk) for pk in pks}
        after = source.lock_pks(pks, using)
        changes = (change(keys, after.get(pk, UNCOUNTED)) for pk, keys in before.items() if keys is not None)
        count(total(changes), using)
