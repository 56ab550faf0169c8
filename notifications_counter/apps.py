"""The app: it listens to the sources of all counters, and prepares what they need of the database."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class NotificationsCounterConfig(AppConfig):
    name = "notifications_counter"
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, deploy_checks, migrated, trigger_checks
        from .capture import listen

        listen.install()
        listen.connect_all()
        register(checks.check_settings, Tags.compatibility)
        register(checks.check_counters, Tags.models)
        register(trigger_checks.check_triggers, Tags.database)
        register(deploy_checks.check_deploy, Tags.database, deploy=True)
        # Once for each migrate: both are sent for one app after the other, before and after all migrations.
        pre_migrate.connect(migrated.before_migrate, sender=self, dispatch_uid="notifications_counter")
        post_migrate.connect(migrated.after_migrate, sender=self, dispatch_uid="notifications_counter")
