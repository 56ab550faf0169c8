from django.db import migrations

from notifications_counter.fillfactor import SetFillFactor


class Migration(migrations.Migration):
    dependencies = [
        ("notifications_counter", "0001_initial"),
    ]

    operations = [
        SetFillFactor("UserNotificationsCount"),
    ]
