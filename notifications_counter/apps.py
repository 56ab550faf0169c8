"""The app: it listens to the sources of all counters, installs triggers, and creates the rows that a flush locks."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class NotificationsCounterConfig(AppConfig):
    name = "notifications_counter"
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, signals, trigger_checks

        signals.connect_all()
        register(checks.check_settings, Tags.compatibility)
        register(checks.check_counters, Tags.models)
        register(trigger_checks.check_triggers, Tags.database)
        # Once for each migrate: both are sent for one app after the other, before and after all migrations.
        pre_migrate.connect(before_migrate, sender=self, dispatch_uid="notifications_counter")
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="notifications_counter")


def before_migrate(using: str, plan: Any = (), verbosity: int = 0, stdout: Any = None, **kwargs: Any) -> None:
    """Take triggers out of the way of migrations that rename or remove their columns."""
    from .tables import Tables
    from .triggers import Triggers

    _say(Triggers(Tables(using)).make_way(plan), verbosity, stdout)


def after_migrate(using: str, verbosity: int = 0, stdout: Any = None, **kwargs: Any) -> None:
    """Make the triggers what is declared, then create the rows of progress.

    In this order: of a row that comes in between, either its trigger knows or the progress, which says whether the
    source had rows to be counted.
    """
    from .tables import Tables
    from .triggers import Triggers

    tables = Tables(using)
    _say(Triggers(tables).install(), verbosity, stdout)
    create_progress_rows(tables)


def _say(sentences: Iterable[str], verbosity: int, stdout: Any) -> None:
    for sentence in sentences:
        if verbosity:
            (stdout or sys.stdout).write(f"  {sentence}\n")


def create_progress_rows(tables: Any) -> None:
    """Create the rows of progress of all counters whose tables are there."""
    from .models import Delta, Progress
    from .triggers import forget_waiting

    if tables.has(Progress, Delta):
        for counter in tables.counters():
            forget_waiting(tables.using, counter)
            counter.stored(tables.using).ensure_progress(counter.buffer.layout.shards)
