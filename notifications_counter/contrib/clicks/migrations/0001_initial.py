from django.db import migrations, models

import notifications_counter.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Click",
            fields=[
                (
                    "url",
                    notifications_counter.fields.KeyField(
                        max_length=500, primary_key=True, serialize=False, verbose_name="address"
                    ),
                ),
                ("click_count", models.BigIntegerField(default=0, verbose_name="clicks of people, as stored")),
                ("bot_count", models.BigIntegerField(default=0, verbose_name="clicks of programs, as stored")),
            ],
            options={
                "verbose_name": "link",
                "verbose_name_plural": "links",
            },
        ),
        migrations.CreateModel(
            name="Normaliser",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("library", models.CharField(max_length=100, verbose_name="library and version")),
                ("options", models.TextField(verbose_name="options")),
                ("checked_at", models.DateTimeField(verbose_name="checked at")),
            ],
            options={
                "verbose_name": "normaliser of addresses",
                "verbose_name_plural": "normalisers of addresses",
            },
        ),
        migrations.CreateModel(
            name="ClickDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "url", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("url", notifications_counter.fields.KeyField(max_length=500, verbose_name="address")),
                ("day", models.DateField(verbose_name="day")),
                ("click_count", models.BigIntegerField(default=0, verbose_name="clicks of people, as stored")),
                ("bot_count", models.BigIntegerField(default=0, verbose_name="clicks of programs, as stored")),
            ],
            options={
                "verbose_name": "link by day",
                "verbose_name_plural": "links by day",
                "indexes": [models.Index(fields=["day"], name="nc_click_day")],
            },
        ),
    ]
