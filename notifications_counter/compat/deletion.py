"""The statements of a delete: rows that Django has collected, by their primary keys.

A collector sends no signals for automatic many-to-many tables, none for rows whose foreign key it sets, and one for
each row elsewhere. All it does comes down to ``DeleteQuery.delete_batch``, ``UpdateQuery.update_batch`` and
``QuerySet._raw_delete`` (see ``querysets``), between whose call and statement no receiver runs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import models
from django.db.models import sql

Concerns = Callable[[type[models.Model]], bool]


def wrap_delete_batch(concerns: Concerns, around: Callable[..., int]) -> None:
    """Let a function run the deletes of some models.

    Args:
        concerns: whether the deletes of a model are to be run by it.
        around: called with a function that deletes, the model, the primary keys and the database alias; it gives how
            many rows were deleted.
    """
    delete_batch = sql.DeleteQuery.delete_batch

    @wraps(delete_batch)
    def counted_delete_batch(self: Any, pk_list: Any, using: str) -> int:
        def delete() -> int:
            return delete_batch(self, pk_list, using)

        return around(delete, self.model, pk_list, using) if concerns(self.model) else delete()

    sql.DeleteQuery.delete_batch = counted_delete_batch  # type: ignore[method-assign]


def wrap_update_batch(concerns: Concerns, around: Callable[..., None]) -> None:
    """Let a function run what a delete elsewhere sets in rows of some models.

    Args:
        concerns: whether the rows of a model are to be changed by it.
        around: called with a function that updates, the model, the primary keys, the names of the fields and the
            database alias.
    """
    update_batch = sql.UpdateQuery.update_batch

    @wraps(update_batch)
    def counted_update_batch(self: Any, pk_list: Any, values: dict[str, Any], using: str) -> None:
        def update() -> None:
            update_batch(self, pk_list, values, using)

        return around(update, self.model, pk_list, values, using) if concerns(self.model) else update()

    sql.UpdateQuery.update_batch = counted_update_batch  # type: ignore[method-assign]
