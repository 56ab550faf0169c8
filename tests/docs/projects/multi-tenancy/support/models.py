from django.db import models


class Tenant(models.Model):
    name = models.CharField(max_length=100)


class Ticket(models.Model):
    tenant = models.ForeignKey(Tenant, models.CASCADE)
    closed = models.BooleanField(default=False)
