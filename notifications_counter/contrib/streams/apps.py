"""The app of streams."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class StreamsConfig(AppConfig):
    name = "notifications_counter.contrib.streams"
    label = "notifications_counter_streams"
    verbose_name = _("Streams")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ...signals import flush_ended
        from . import checks, outbox

        register(checks.check_settings, Tags.compatibility)
        register(checks.check_processors, Tags.compatibility)
        register(checks.check_topics, Tags.database)
        flush_ended.connect(outbox.on_flush, dispatch_uid="notifications_counter_streams")
        autodiscover_modules("streams")
