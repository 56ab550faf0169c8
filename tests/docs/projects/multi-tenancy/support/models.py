from django.db import models
from django.db.models import Q

from notifications_counter import Counter


class Tenant(models.Model):
    name = models.CharField(max_length=100)


class Ticket(models.Model):
    tenant = models.ForeignKey(Tenant, models.CASCADE)
    closed = models.BooleanField(default=False)
