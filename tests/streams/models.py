"""Tables of streams."""

from django.db import models

from notifications_counter import Counter
from notifications_counter.fields import KeyField


class UserClicks(models.Model):
    """How often each user has clicked."""

    user = KeyField(primary_key=True, max_length=100)
    clicks = models.BigIntegerField(default=0)

    counter = Counter()

    class Meta:
        app_label = "streams_tests"


class HourClicks(models.Model):
    """How often each user has clicked in each hour."""

    pk = models.CompositePrimaryKey("user", "hour")
    user = KeyField(max_length=100)
    hour = models.DateTimeField()
    clicks = models.BigIntegerField(default=0)

    counter = Counter()

    class Meta:
        app_label = "streams_tests"


class LastPage(models.Model):
    """The last page that each user has seen."""

    user = KeyField(primary_key=True, max_length=100)
    page = models.CharField(max_length=20)

    class Meta:
        app_label = "streams_tests"


class Profile(models.Model):
    """What is known of each user."""

    user = KeyField(primary_key=True, max_length=100)
    name = models.CharField(max_length=100, default="")
    seen = models.IntegerField(default=0)

    class Meta:
        app_label = "streams_tests"


class Seen(models.Model):
    """The id of each message that was applied, as often as it was."""

    id = models.BigAutoField(primary_key=True)
    message = models.CharField(max_length=40)

    class Meta:
        app_label = "streams_tests"


class FaultClicks(models.Model):
    """How often each user has clicked, while processes are killed."""

    user = KeyField(primary_key=True, max_length=100)
    clicks = models.BigIntegerField(default=0)

    counter = Counter()

    class Meta:
        app_label = "streams_tests"
