"""Keys as text, as ``Counter.key_text`` writes them: which kinds of columns a trigger can do that for."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ...declaration.keys import target
from ...dialects import dialect_of

KINDS: dict[str, type[models.Field[Any, Any]] | tuple[type[models.Field[Any, Any]], ...]] = {
    "integer": models.IntegerField,
    "uuid": models.UUIDField,
    "text": (models.CharField, models.TextField),
}


def kind(field: models.Field[Any, Any]) -> str | None:
    """What kind of key a column holds; None where its text in the database may differ from its text in Python."""
    field = target(field)
    if hasattr(field, "from_db_value"):
        return None
    return next((name for name, types in KINDS.items() if isinstance(field, types)), None)


def is_hexadecimal(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> bool:
    """Whether a database keeps UUIDs as 32 digits without dashes."""
    return kind(field) == "uuid" and str(target(field).db_type(connection)).startswith("char")


def dashed(digits: str, connection: BaseDatabaseWrapper) -> str:
    """SQL for a UUID that is kept as 32 digits, with dashes between its five parts."""
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    groups = [f"substr(lower({digits}), {start}, {length})" for start, length in parts]
    return dialect_of(connection).joined(groups, "-")
