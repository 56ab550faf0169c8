"""The app of search."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class SearchConfig(AppConfig):
    name = "notifications_counter.contrib.search"
    label = "notifications_counter_search"
    verbose_name = _("Search")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, inbox, migrating
        from .index import connect

        register(checks.check_settings, Tags.compatibility)
        register(checks.check_indexes, Tags.models)
        register(checks.check_triggers, Tags.database)
        core = apps.get_app_config("notifications_counter")  # whose tables the triggers write to
        pre_migrate.connect(migrating.before_migrate, sender=core, dispatch_uid="notifications_counter_search")
        post_migrate.connect(migrating.after_migrate, sender=core, dispatch_uid="notifications_counter_search")
        autodiscover_modules("searches")
        inbox.declare()
        for index in checks.indexes():
            connect(index)
