"""Around ``migrate``: triggers make way and come back, and what a data migration may have changed is audited.

The models of a migration send no signals to us, so that nothing else can tell what a data migration has changed.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import connections

from ...compat.uncached import rows_of
from ...management.migrate_handlers import touched_apps
from ...projections.declaration import Projection, projections
from ...projections.tables import OutdatedDocuments, ProjectionProgress
from ...projections.triggers import DocumentTriggers
from .auditing import ROWS
from .models import SearchDocument
from .sinks.database.sink import DIALECTS, dialect_for

logger = logging.getLogger("notifications_counter")


def before_migrate(using: str, plan: Any = (), **kwargs: Any) -> None:
    """Take triggers out of the way of migrations of their tables."""
    if plan:
        DocumentTriggers(using).make_way(plan)


def after_migrate(using: str, plan: Any = (), **kwargs: Any) -> None:
    """Install the triggers, and let the next flushes compare what may have changed unseen."""
    triggers = DocumentTriggers(using)
    if not {OutdatedDocuments._meta.db_table, ProjectionProgress._meta.db_table} <= set(
        triggers.connection.introspection.table_names()
    ):
        return
    _install_search(using)
    made = triggers.install()
    touched = {label for migration, _ in plan for label in touched_apps(migration)}
    for projection in projections():
        if projection in made or _models_of(projection) & touched:
            _audit_soon(projection, using)


def _install_search(using: str) -> None:
    """Make what the embedded sink needs beside its tables; anew where it was lost."""
    tables = connections[using].introspection.table_names()
    if connections[using].vendor in DIALECTS and SearchDocument._meta.db_table in tables:
        dialect = dialect_for(using)
        if dialect.install() or dialect.problems():
            dialect.fill()


def _models_of(projection: Projection) -> set[str]:
    """The apps of the models of which documents are made."""
    return {projection.model._meta.app_label, *(link.model._meta.app_label for link, _ in projection.links())}


def _audit_soon(projection: Projection, using: str) -> None:
    rows = rows_of(ProjectionProgress, using).filter(projection=projection.label)
    if rows.update(audited_to=ROWS):
        logger.warning(
            "%s: a migration may have changed rows unseen. The next flushes compare all documents with them; manage.py"
            " search_index --check does so at once.",
            projection.label,
        )
