"""The built-in notifications and their counts; and, for Django to find them, the tables of the engine."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .counters import Counter
from .indexes import PartialIndex
from .ledger.tables import Delta, FlushRecord, Progress, RefusedKey
from .projections.tables import DocumentSetAside, OutdatedDocuments, ProjectionProgress
from .querysets import NotificationQuerySet
from .target_field import TargetField

__all__ = [
    "Delta",
    "DocumentSetAside",
    "FlushRecord",
    "Notification",
    "OutdatedDocuments",
    "Progress",
    "ProjectionProgress",
    "RefusedKey",
    "UserNotificationsCount",
]


class Notification(models.Model):
    """Something that one user is told.

    ``actor`` is the user whose doing it tells of, ``target`` what it is about, ``data`` what a template or a client
    needs besides: anything that is JSON. A notification is ``seen`` once its user has opened the inbox.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="inbox_notifications",
        db_index=False,  # "nc_newest" begins with it
    )
    text = models.TextField(_("text"))
    kind = models.CharField(_("kind"), max_length=64, blank=True, default="")
    url = models.CharField(_("URL"), max_length=500, blank=True, default="")
    has_read = models.BooleanField(_("read"), default=False)
    seen = models.BooleanField(_("seen"), default=False, db_default=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("actor"),
        null=True,
        blank=True,
        related_name="+",
    )
    target_type = models.ForeignKey(
        "contenttypes.ContentType",
        models.SET_NULL,
        verbose_name=_("type of the target"),
        null=True,
        blank=True,
        related_name="+",
        db_index=False,  # "nc_target" begins with it
    )
    target_id = models.CharField(_("primary key of the target"), max_length=255, null=True, blank=True)  # noqa: DJ001
    target = TargetField("target_type", "target_id")
    data = models.JSONField(_("data"), default=dict, db_default={}, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes: ClassVar = [
            PartialIndex(fields=["user"], column="has_read", value=False, name="nc_unread"),
            models.Index(fields=["user", "-created_at", "-id"], name="nc_newest"),
            models.Index(fields=["target_type", "target_id"], name="nc_target"),
        ]

    def __str__(self) -> str:
        return self.text


class UserNotificationsCount(models.Model):
    """How many unread notifications a user has, without what is still pending: read it with ``counter.value``."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        verbose_name=_("user"),
        related_name="+",
        # A flush may insert a row while its user is being deleted; with a constraint that would fail the deletion.
        db_constraint=False,
    )
    unread_count = models.BigIntegerField(_("unread, as stored"), default=0)

    counter = Counter(source=Notification, key="user", filter=Q(has_read=False))

    class Meta:
        verbose_name = _("unread count")
        verbose_name_plural = _("unread counts")

    def __str__(self) -> str:
        return f"{self.pk}: {self.unread_count}"
