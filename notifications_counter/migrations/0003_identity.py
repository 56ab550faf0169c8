from django.db import migrations, models

from notifications_counter.identity_table import CreateIdentity


class Migration(migrations.Migration):
    dependencies = [
        ("notifications_counter", "0002_fillfactor"),
    ]

    operations = [
        CreateIdentity(),
        migrations.AlterModelManagers(name="delta", managers=[("dumped", models.Manager())]),
        migrations.AlterModelManagers(name="progress", managers=[("dumped", models.Manager())]),
    ]
