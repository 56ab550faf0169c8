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
        from . import checks
        from .normalisers import remember_first

        register(checks.check_settings, Tags.compatibility)
        register(checks.check_urls, Tags.urls)
        register(checks.check_normaliser, Tags.database)
        post_migrate.connect(remember_first, sender=self, dispatch_uid=self.label)
