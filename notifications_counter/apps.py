"""The app: it listens to the sources of all counters, and creates the rows that a flush locks."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db import router
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class NotificationsCounterConfig(AppConfig):
    name = "notifications_counter"
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, signals

        signals.connect_all()
        register(checks.check_settings, Tags.compatibility)
        register(checks.check_counters, Tags.models)
        post_migrate.connect(create_progress_rows, dispatch_uid="notifications_counter")


def create_progress_rows(using: str, **kwargs: Any) -> None:
    """Create the rows of progress of all counters whose tables are there, after each app's migration."""
    from .counters import counters
    from .models import Progress

    if not _is_there(Progress, using):
        return
    for counter in counters():
        needed = [counter.model, *([counter.source] if counter.source else [])]
        if counter.using in (None, using) and all(_is_there(model, using) for model in needed):
            counter.stored(using).ensure_progress(counter.buffer.layout.shards)


def _is_there(model: Any, using: str) -> bool:
    from django.db import connections

    if not router.allow_migrate_model(using, model):
        return False
    return model._meta.db_table in connections[using].introspection.table_names()
