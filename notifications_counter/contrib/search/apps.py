"""The app of search."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class SearchConfig(AppConfig):
    name = "notifications_counter.contrib.search"
    label = "notifications_counter_search"
    verbose_name = _("Search")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks
        from .index import connect

        register(checks.check_settings, Tags.compatibility)
        register(checks.check_indexes, Tags.models)
        autodiscover_modules("search_indexes")
        for index in checks.indexes():
            connect(index)
