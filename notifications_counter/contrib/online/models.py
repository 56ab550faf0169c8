"""When users were last seen; and, where there is no Redis, who has reported in which minute."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ...fields import KeyField

#: The longest name by which somebody can be known: that of an email address.
LONGEST_NAME = 254
#: The longest name of a room, and of an area, which says besides whether it is of users or guests.
LONGEST_ROOM = 64
LONGEST_AREA = LONGEST_ROOM + 2


class LastSeen(models.Model):
    """When somebody was last seen, as of the last flush."""

    #: What ``members.number_of`` makes of the name: the layout in Redis knows no more than this.
    number = models.BigIntegerField(primary_key=True)
    name = models.CharField(_("user"), max_length=LONGEST_NAME)
    seen_at = models.DateTimeField(_("last seen"), db_index=True)

    class Meta:
        verbose_name = _("last seen user")
        verbose_name_plural = _("last seen users")

    def __str__(self) -> str:
        return self.name


class Report(models.Model):
    """That somebody has reported in a minute: the layout "database"."""

    area = KeyField(max_length=LONGEST_AREA)
    #: Since the epoch, like the seconds.
    minute = models.IntegerField()
    name = KeyField(max_length=LONGEST_NAME)
    first_second = models.BigIntegerField()
    last_second = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["area", "minute", "name"], name="nc_online_report")]
        indexes = [models.Index(fields=["area", "name", "minute"], name="nc_online_report_name")]

    def __str__(self) -> str:
        return f"{self.area} {self.minute} {self.name}"
