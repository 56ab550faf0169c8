import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import notifications_counter.fields
import notifications_counter.indexes


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="UserNotificationsCount",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                ("unread_count", models.BigIntegerField(default=0, verbose_name="unread, as stored")),
            ],
            options={
                "verbose_name": "unread count",
                "verbose_name_plural": "unread counts",
            },
        ),
        migrations.CreateModel(
            name="Delta",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("counter", notifications_counter.fields.KeyField(max_length=150)),
                ("key", notifications_counter.fields.KeyField(max_length=500)),
                ("amount", models.BigIntegerField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["counter", "key"], name="nc_pending")],
            },
        ),
        migrations.CreateModel(
            name="Progress",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("counter", notifications_counter.fields.KeyField(max_length=150)),
                ("shard", models.IntegerField()),
                ("backfilled", models.BooleanField(default=False)),
                ("recounted_to", notifications_counter.fields.KeyField(max_length=500, null=True)),
                ("prefix", models.CharField(default="", max_length=100)),
                ("shards", models.IntegerField(default=1)),
                ("run_id", models.CharField(default="", max_length=64)),
                ("batch", models.BigIntegerField(default=0)),
                ("position", models.BigIntegerField(default=0)),
                ("size", models.BigIntegerField(default=0)),
                ("flushed_at", models.DateTimeField(null=True)),
                ("flushed_keys", models.BigIntegerField(default=0)),
                ("flushed_seconds", models.FloatField(default=0)),
                ("lost_at", models.DateTimeField(null=True)),
                ("audited_to", notifications_counter.fields.KeyField(max_length=500, null=True)),
                ("audited_at", models.DateTimeField(null=True)),
                ("audit_keys", models.BigIntegerField(default=0)),
                ("drift_at", models.DateTimeField(null=True)),
                ("drift_keys", models.BigIntegerField(default=0)),
                ("drift_amount", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("counter", "shard"), name="nc_progress_row")],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField(verbose_name="text")),
                ("kind", models.CharField(blank=True, default="", max_length=64, verbose_name="kind")),
                ("url", models.CharField(blank=True, default="", max_length=500, verbose_name="URL")),
                ("has_read", models.BooleanField(default=False, verbose_name="read")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="inbox_notifications",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "notification",
                "verbose_name_plural": "notifications",
                "indexes": [
                    notifications_counter.indexes.PartialIndex(
                        column="has_read", fields=["user"], name="nc_unread", value=False
                    ),
                    models.Index(fields=["user", "-created_at", "-id"], name="nc_newest"),
                ],
            },
        ),
    ]
