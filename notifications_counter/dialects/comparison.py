"""How tables compare the columns that hold text: asked once, and remembered until something has migrated."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.backends.base.base import BaseDatabaseWrapper

from . import dialect_of
from .base import TextColumn

_known: dict[tuple[str, str], Mapping[str, TextColumn]] = {}


def text_columns(connection: BaseDatabaseWrapper, table: str) -> Mapping[str, TextColumn]:
    """Those of a table's columns that hold text, by name; none of a table that is not there."""
    place = (connection.alias, table)
    if place not in _known:
        found = dialect_of(connection).text_columns(connection, table)
        if found is None:
            return {}
        _known[place] = found
    return _known[place]


def is_known(using: str, table: str) -> bool:
    """Whether that can be told without asking the database."""
    return (using, table) in _known


def forget() -> None:
    """Ask again: tables may have been changed."""
    _known.clear()
