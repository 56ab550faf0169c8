"""What rows counted for that are about to change in a way that is only counted afterwards, such as a delete.

Between the two a receiver of signals may change the same rows: that is counted by itself, and noted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connections, models

from .sources import Keys

#: On the connection: model -> primary key -> what the row counts for.
ATTRIBUTE = "_notifications_counter_watched"


def rows(using: str, model: type[models.Model]) -> dict[Any, Keys]:
    """The rows of a model that are watched, as primary key -> what the row counts for; who takes one counts it."""
    models_rows: dict[type[models.Model], dict[Any, Keys]] = vars(connections[using]).setdefault(ATTRIBUTE, {})
    return models_rows.setdefault(model, {})


def watch(using: str, model: type[models.Model], keys: Mapping[Any, Keys]) -> None:
    rows(using, model).update(keys)


def changed(using: str, model: type[models.Model], keys: Mapping[Any, Keys]) -> None:
    """These rows have been counted anew."""
    watched = rows(using, model)
    if watched:
        watched.update({pk: counted for pk, counted in keys.items() if pk in watched})


def take(using: str, model: type[models.Model], pk: Any) -> Keys | None:
    """What a row counts for that was watched; from then on it is not."""
    return rows(using, model).pop(pk, None)
