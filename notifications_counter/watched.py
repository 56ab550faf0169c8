"""What rows counted for that are about to change in a way that is only counted afterwards, such as a delete.

Between the two a receiver of signals may change the same rows: that is counted by itself, and noted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connections, models

from .sources import Keys

#: On the connection: model and primary key -> what the row counts for.
ATTRIBUTE = "_notifications_counter_watched"


def _rows(using: str) -> dict[tuple[type[models.Model], Any], Keys]:
    rows: dict[tuple[type[models.Model], Any], Keys] = vars(connections[using]).setdefault(ATTRIBUTE, {})
    return rows


def watch(using: str, model: type[models.Model], keys: Mapping[Any, Keys]) -> None:
    _rows(using).update({(model, pk): counted for pk, counted in keys.items()})


def changed(using: str, model: type[models.Model], keys: Mapping[Any, Keys]) -> None:
    """These rows have been counted anew."""
    rows = _rows(using)
    if rows:
        rows.update({(model, pk): counted for pk, counted in keys.items() if (model, pk) in rows})


def take(using: str, model: type[models.Model], pk: Any) -> Keys | None:
    """What a row counts for that was watched; from then on it is not."""
    return _rows(using).pop((model, pk), None)
