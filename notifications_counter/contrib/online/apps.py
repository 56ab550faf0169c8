"""The app of who is online."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class OnlineConfig(AppConfig):
    name = "notifications_counter.contrib.online"
    label = "notifications_counter_online"
    verbose_name = _("Who is online")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ...signals import flush_ended
        from . import checks, writing

        register(checks.check_settings, Tags.compatibility)
        flush_ended.connect(writing.on_flush, dispatch_uid="notifications_counter_online")
