from django.conf import settings
from django.db import models


class Ticket(models.Model):
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    closed = models.BooleanField(default=False)
