"""The app of clicks on links."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ClicksConfig(AppConfig):
    name = "notifications_counter.contrib.clicks"
    label = "notifications_counter_clicks"
    verbose_name = _("Clicks")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ...signals import flushed
        from . import broker_checks, checks
        from .kept import after_flush
        from .normalisers import remember_first

        register(checks.check_settings, Tags.compatibility)
        register(checks.check_urls, Tags.urls)
        register(checks.check_normaliser, Tags.database)
        register(broker_checks.check_extra, Tags.compatibility)
        register(broker_checks.check_broker, Tags.database)
        flushed.connect(after_flush, dispatch_uid=self.label)
        post_migrate.connect(remember_first, sender=self, dispatch_uid=self.label)
