"""How PostgreSQL keeps the table of a count model, as an operation of migrations."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations.base import Operation, OperationCategory

from .dialects import dialect_of

#: Half of each page is free: as much as a flush that changes all of its rows needs for their new versions.
FILL_FACTOR = 50


class SetFillFactor(Operation):
    """Let PostgreSQL keep room for new versions of the rows in each page of a count model's table.

    A flush changes counts in place. PostgreSQL writes a new version of each row; where there is room for it in the
    row's own page, the index need not change, and the room of the old version is used again without a vacuum. Other
    databases have no such room: there the operation does nothing.

    It changes what is written from then on, needs no time, and keeps neither readers nor writers waiting.

    Args:
        model_name: the count model, of the migration's own app.
        fill_factor: up to how many percent new rows fill a page, from 10 to 100.

    Raises:
        ValueError: the fill factor is none.
    """

    category = OperationCategory.ALTERATION
    reversible = True

    def __init__(self, model_name: str, fill_factor: int = FILL_FACTOR) -> None:
        if not (isinstance(fill_factor, int) and 10 <= fill_factor <= 100):
            raise ValueError(f"SetFillFactor: {fill_factor!r} is no fill factor. Give a whole number, 10 to 100.")
        self.model_name = model_name
        self.fill_factor = fill_factor

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models stay as they are."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._alter(app_label, schema_editor, to_state, f"SET (fillfactor = {self.fill_factor})")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._alter(app_label, schema_editor, to_state, "RESET (fillfactor)")

    def _alter(self, app_label: str, schema_editor: Any, state: Any, change: str) -> None:
        model: type[models.Model] = state.apps.get_model(app_label, self.model_name)
        connection = schema_editor.connection
        if dialect_of(connection).has_fill_factor and self.allow_migrate_model(connection.alias, model):
            schema_editor.execute(f"ALTER TABLE {schema_editor.quote_name(model._meta.db_table)} {change}")

    def describe(self) -> str:
        return f"Set the fill factor of the table of {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"fillfactor_of_{self.model_name.lower()}"
