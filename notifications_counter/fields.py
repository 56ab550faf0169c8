"""A field for keys that are text: the package's own tables use it, and a count model may."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from .dialects import dialect_of


class KeyField(models.CharField):  # type: ignore[type-arg]
    """A key as text, compared byte by byte.

    MariaDB's and MySQL's default collation would call different keys equal; in PostgreSQL's an index finds no keys that
    begin alike.
    """

    def db_parameters(self, connection: Any) -> Any:
        parameters = super().db_parameters(connection)
        if collation := dialect_of(connection).key_collation(connection):
            parameters["collation"] = collation
        return parameters


def collation_of(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> str:
    """The collation that a field asks for on a database; empty where it leaves it to the database."""
    return str(field.db_parameters(connection).get("collation") or "")
