"""A counter gets another label, because its model or its attribute was renamed: an operation of migrations."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations.base import Operation, OperationCategory

from .exceptions import BufferMismatch, InvalidSettings

#: The tables that name counters by their labels. Progress comes last: its rows may be there under both.
TABLES = ("Delta", "RefusedKey")


class RenameCounter(Operation):
    """Let pending deltas and progress of a counter follow it to another label, ``app.Model.attribute``.

    It stands behind the ``RenameModel``, in a migration that depends on ``("notifications_counter",
    "0004_declaration")``. What was flushed is in the count model's own table; without this operation, what was pending
    would be added to nothing, which for events is a loss.

    With the Redis buffer, pending deltas are kept there by the old label. Drain the counter before the migration.

    Args:
        old: the label that it had.
        new: the label that it has now.

    Raises:
        InvalidSettings: one of them is no label.
        BufferMismatch: when it runs, deltas may be pending in Redis. Nothing has been changed.
    """

    category = OperationCategory.PYTHON
    reversible = True
    reduces_to_sql = False

    def __init__(self, old: str, new: str) -> None:
        for label in (old, new):
            if not (isinstance(label, str) and label.count(".") == 2):
                raise InvalidSettings(f"RenameCounter: {label!r} is no label of a counter, app.Model.attribute.")
        self.old = old
        self.new = new

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Models stay as they are."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._move(self.old, self.new, schema_editor.connection.alias, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._move(self.new, self.old, schema_editor.connection.alias, to_state)

    def describe(self) -> str:
        return f"Rename the counter {self.old} to {self.new}"

    @property
    def migration_name_fragment(self) -> str:
        return f"rename_counter_{self.new.rpartition('.')[2].lower()}"

    def _move(self, old: str, new: str, using: str, state: Any) -> None:
        tables = {name: self._rows(name, using, state) for name in (*TABLES, "Progress")}
        progress = tables["Progress"].filter(counter=old)
        if progress.exclude(prefix="").exists():
            raise BufferMismatch(
                f"{old}: deltas may be pending in Redis, by this name. With the code from before the new name, and the"
                " option DATABASE_ONLY, run: manage.py notification_update_counter --drain. Then migrate."
            )
        for name in TABLES:
            tables[name].filter(counter=old).update(counter=new)
        if tables["Progress"].filter(counter=new).exists():  # a flush with the new name came before
            progress.delete()
        else:
            progress.update(counter=new)

    def _rows(self, name: str, using: str, state: Any) -> Any:
        try:
            return state.apps.get_model("notifications_counter", name)._base_manager.using(using)
        except LookupError:
            raise InvalidSettings(
                "RenameCounter: add ('notifications_counter', '0004_declaration') to the migration's dependencies."
            ) from None
