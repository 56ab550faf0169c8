"""The app of the inbox: its counts have one revision."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.core.checks import Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class InboxConfig(AppConfig):
    name = "notifications_counter.inbox"
    label = "notifications_counter_inbox"
    verbose_name = _("Inbox")
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        if not apps.is_installed("notifications_counter"):
            raise ImproperlyConfigured(f"INSTALLED_APPS has {self.name!r}: it needs 'notifications_counter', too.")
        super().import_models()

    def ready(self) -> None:
        from .. import badge
        from ..capture import gone
        from ..live.news import tell
        from ..models import UserNotificationsCount
        from ..revisions import revise
        from ..signals import prune_ended
        from . import checks
        from .badge import shown_counter
        from .deliveries import after_prune
        from .models import Revision, UnreadByKind, UnseenCount
        from .targets import targets

        revise(Revision.counter, [UserNotificationsCount.counter, UnseenCount.counter, UnreadByKind.counter])
        badge.show(shown_counter)
        gone.follow(targets)
        tell(Revision.counter)
        register(checks.check_settings, Tags.compatibility)
        register(checks.check_kinds, Tags.database)
        prune_ended.connect(after_prune, dispatch_uid="notifications_counter_inbox")
