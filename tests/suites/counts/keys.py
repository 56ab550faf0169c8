"""Which column of a model is a counter's key, and which field a count model has for it."""

from __future__ import annotations

from typing import Any

from django.db import models

from notifications_counter.fields import KeyField


def key_of(source: type[models.Model]) -> Any:
    """The first foreign key, else the first other column, else the primary key, of those whose type can be a key."""
    fields = sorted(source._meta.local_concrete_fields, key=_rank)
    return next((field for field in fields if key_field(field) is not None), None)


def _rank(field: Any) -> tuple[bool, bool]:
    return field.primary_key, not isinstance(field, models.ForeignKey)


def key_field(field: Any) -> Any:
    """A primary key for a column's values.

    None for types of the suites' own, whose values may have any text, and for texts that differ by collation.
    """
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    if not type(field).__module__.startswith("django.db.models.") or getattr(field, "db_collation", None):
        return None
    if isinstance(field, models.IntegerField):
        return models.BigIntegerField(primary_key=True)
    if isinstance(field, models.CharField):
        return KeyField(max_length=500, primary_key=True)
    return models.UUIDField(primary_key=True) if isinstance(field, models.UUIDField) else None
