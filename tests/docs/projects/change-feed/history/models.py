from django.db import models


class Entry(models.Model):
    notification = models.BigIntegerField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
