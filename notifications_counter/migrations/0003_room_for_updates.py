from django.db import migrations

from notifications_counter.fillfactor import SetFillFactor


class Migration(migrations.Migration):
    dependencies = [
        ("notifications_counter", "0002_healing"),
    ]

    operations = [
        SetFillFactor("UserNotificationsCount"),
    ]
