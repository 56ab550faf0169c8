"""The table of the group: how often each user has clicked."""

from django.db import models

from notifications_counter import Counter
from notifications_counter.fields import KeyField


class UserClicks(models.Model):
    user = KeyField(primary_key=True, max_length=100)
    clicks = models.BigIntegerField(default=0)

    counter = Counter()

    class Meta:
        db_table = "mini-group-table"

    def __str__(self) -> str:
        return f"{self.user}: {self.clicks}"
