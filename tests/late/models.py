"""A count model over a source that is there all the time."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from notifications_counter.counters import Counter


class LateClaims(models.Model):
    user_id = models.BigIntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter("shop.Claim", "user", Q(closed=False))
