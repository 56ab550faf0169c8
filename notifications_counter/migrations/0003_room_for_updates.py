from django.db import migrations

from notifications_counter.fillfactor import KeepRoomForUpdates


class Migration(migrations.Migration):
    dependencies = [
        ("notifications_counter", "0002_healing"),
    ]

    operations = [
        KeepRoomForUpdates("UserNotificationsCount"),
    ]
