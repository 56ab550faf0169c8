from django.db import migrations, models

import notifications_counter.fields


class Migration(migrations.Migration):
    dependencies = [
        ("notifications_counter", "0003_identity"),
    ]

    operations = [
        migrations.AddField(
            model_name="delta",
            name="declaration",
            field=models.CharField(max_length=16, null=True),
        ),
        migrations.AddField(
            model_name="progress",
            name="declaration",
            field=models.CharField(max_length=16, null=True),
        ),
        migrations.AddField(
            model_name="progress",
            name="declared_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="progress",
            name="former_declarations",
            field=models.TextField(null=True),
        ),
        migrations.CreateModel(
            name="RefusedKey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("counter", notifications_counter.fields.KeyField(max_length=150)),
                ("key", notifications_counter.fields.KeyField(max_length=500)),
                ("reason", models.TextField()),
                ("tried_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("counter", "key"), name="nc_refused_key")],
            },
        ),
    ]
