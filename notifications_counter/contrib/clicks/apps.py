"""The app of clicks on links."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClicksConfig(AppConfig):
    name = "notifications_counter.contrib.clicks"
    label = "notifications_counter_clicks"
    verbose_name = _("Clicks")
    default_auto_field = "django.db.models.BigAutoField"
