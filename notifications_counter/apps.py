"""The app: it listens to the sources of all counters, and prepares what they need of the database."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _

from .compat.querysets import wrap_methods
from .compat.saves import wrap_saves


class NotificationsCounterConfig(AppConfig):
    name = "notifications_counter"
    verbose_name = _("Notifications counter")
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: Any) -> None:
        super().__init__(app_name, app_module)
        wrap_saves()  # both here, because no model has been imported yet
        wrap_methods()

    def ready(self) -> None:
        from .capture import listen
        from .checks import databases, declarations, deploy, names, places, triggers, versions
        from .management import migrate_handlers
        from .monitoring import history
        from .projections import flushing
        from .signals import flush_ended, flushed

        listen.install()
        listen.connect_all()
        register(declarations.check_settings, Tags.compatibility)
        register(names.check_names, Tags.compatibility)
        register(versions.check_django, Tags.compatibility)
        register(declarations.check_counters, Tags.models)
        register(triggers.check_triggers, Tags.database)
        register(places.check_places, Tags.database)
        register(databases.check_databases, Tags.database)
        register(deploy.check_deploy, Tags.database, deploy=True)
        flushed.connect(history.note, dispatch_uid="notifications_counter")
        flush_ended.connect(flushing.on_flush, dispatch_uid="notifications_counter.projections")
        # Once for each migrate: both are sent for one app after the other, before and after all migrations.
        pre_migrate.connect(migrate_handlers.before_migrate, sender=self, dispatch_uid="notifications_counter")
        post_migrate.connect(migrate_handlers.after_migrate, sender=self, dispatch_uid="notifications_counter")
