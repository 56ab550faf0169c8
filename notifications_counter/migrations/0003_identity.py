from django.db import migrations

from notifications_counter.identity_table import CreateIdentity


class Migration(migrations.Migration):
    dependencies = [
        ("notifications_counter", "0002_fillfactor"),
    ]

    operations = [
        CreateIdentity(),
    ]
