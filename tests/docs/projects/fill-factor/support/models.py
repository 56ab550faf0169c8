from django.db import models

from notifications_counter import Counter


class OpenTickets(models.Model):
    number = models.BigIntegerField(default=0)

    counter = Counter()
