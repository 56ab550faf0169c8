"""The table that says who a database is, and the operation of migrations that makes it.

It is no model of the app, as Django's own table of migrations is none: neither ``flush`` nor a test empties it, and no
dump of the rows holds it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.apps.registry import Apps
from django.db import models
from django.db.migrations.operations.base import Operation, OperationCategory


class Identity(models.Model):
    """Who a database is: its one row."""

    id = models.IntegerField(primary_key=True, default=1)
    uid = models.CharField(max_length=32)
    #: Where the database was when it was given this identity, as its dialect says it.
    fingerprint = models.TextField()
    #: When it was noticed last that the database is a copy of another, and what that came to.
    copied_at = models.DateTimeField(null=True)
    note = models.TextField(default="")

    objects: ClassVar[models.Manager[Identity]] = models.Manager()

    class Meta:
        apps = Apps()
        app_label = "notifications_counter"
        db_table = "notifications_counter_identity"

    def __str__(self) -> str:
        return self.uid


class CreateIdentity(Operation):
    """Create the table. Its row is made after ``migrate``."""

    category = OperationCategory.ADDITION
    reversible = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models stay as they are."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if self._belongs_here(app_label, schema_editor, to_state):
            schema_editor.create_model(Identity)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if self._belongs_here(app_label, schema_editor, to_state):
            schema_editor.delete_model(Identity)

    def _belongs_here(self, app_label: str, schema_editor: Any, state: Any) -> bool:
        """Whether the table of progress does."""
        return self.allow_migrate_model(schema_editor.connection.alias, state.apps.get_model(app_label, "Progress"))

    def describe(self) -> str:
        return "Create the table that says who the database is"

    @property
    def migration_name_fragment(self) -> str:
        return "identity"
