"""The app of who is online."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OnlineConfig(AppConfig):
    name = "notifications_counter.contrib.online"
    label = "notifications_counter_online"
    verbose_name = _("Who is online")
    default_auto_field = "django.db.models.BigAutoField"
