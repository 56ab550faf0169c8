"""The app: it listens to the sources of all counters, and prepares what a flush locks after each migration."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class NotificationsCounterConfig(AppConfig):
    name = "notifications_counter"
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, migrated, signals

        signals.connect_all()
        register(checks.check_settings, Tags.compatibility)
        register(checks.check_counters, Tags.models)
        post_migrate.connect(migrated.after_migrate, sender=self, dispatch_uid="notifications_counter")
