"""What is counted of a user's notifications besides the unread ones, and the revision of all these numbers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..counters import Counter
from ..models import Notification

#: A flush may insert a row while its user is being deleted; with a constraint that would fail the deletion.
OF_USER: dict[str, Any] = {"verbose_name": _("user"), "related_name": "+", "db_constraint": False}


class UnseenCount(models.Model):
    """How many unread notifications a user has that came since the inbox was opened last."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, **OF_USER)
    unseen = models.BigIntegerField(_("unseen, as stored"), default=0)

    counter = Counter(source=Notification, key="user", filter=Q(has_read=False, seen=False))

    class Meta:
        verbose_name = _("unseen count")
        verbose_name_plural = _("unseen counts")

    def __str__(self) -> str:
        return f"{self.pk}: {self.unseen}"


class UnreadByKind(models.Model):
    """How many unread notifications of each kind a user has."""

    pk = models.CompositePrimaryKey("user", "kind")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, **OF_USER)  # begins the key
    kind = models.CharField(_("kind"), max_length=64)
    unread = models.BigIntegerField(_("unread, as stored"), default=0)

    counter = Counter(source=Notification, key=("user", "kind"), filter=Q(has_read=False))

    class Meta:
        verbose_name = _("unread count by kind")
        verbose_name_plural = _("unread counts by kind")

    def __str__(self) -> str:
        return f"{self.pk}: {self.unread}"


class Revision(models.Model):
    """How often any of a user's numbers has changed."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, **OF_USER)
    changes = models.BigIntegerField(_("changes, as stored"), default=0)

    counter = Counter()

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")

    def __str__(self) -> str:
        return f"{self.pk}: {self.changes}"
