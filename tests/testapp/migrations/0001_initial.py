import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import notifications_counter.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ActiveInboxCount",
            fields=[
                (
                    "recipient",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("unread", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="ActiveInboxCountByTriggers",
            fields=[
                (
                    "recipient",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("unread", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Click",
            fields=[
                ("url", notifications_counter.fields.KeyField(max_length=200, primary_key=True, serialize=False)),
                ("clicks", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="InboxCount",
            fields=[
                (
                    "recipient",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("unread", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="InboxCountByTriggers",
            fields=[
                (
                    "recipient",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("unread", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("priority", models.IntegerField(default=0)),
                ("state", models.CharField(default="open", max_length=10)),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "assignee",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OwnerParcels",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("parcels", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="PlaceParcels",
            fields=[
                ("place", notifications_counter.fields.KeyField(max_length=100, primary_key=True, serialize=False)),
                ("odd", models.BigIntegerField(default=0)),
                ("all", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="ReaderLetters",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("by_triggers", models.BigIntegerField(default=0)),
                ("by_signals", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="ReadNotifications",
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
                    ),
                ),
                ("read", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Team",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name="UrgentTickets",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("urgent", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Letter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("has_read", models.BooleanField(default=False)),
                ("reader", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name="LoudTicket",
            fields=[
                (
                    "ticket_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to="testapp.ticket",
                    ),
                ),
                ("volume", models.IntegerField(default=1)),
            ],
            bases=("testapp.ticket",),
        ),
        migrations.CreateModel(
            name="OldTicket",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("testapp.ticket",),
        ),
        migrations.CreateModel(
            name="TeamParcels",
            fields=[
                (
                    "team",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="testapp.team",
                    ),
                ),
                ("parcels", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="TeamTickets",
            fields=[
                ("tickets", models.BigIntegerField(default=0)),
                ("note", models.CharField(default="new", max_length=10)),
                (
                    "team",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="testapp.team",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="ticket",
            name="team",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to="testapp.team"),
        ),
        migrations.CreateModel(
            name="Parcel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", notifications_counter.fields.KeyField(max_length=100, null=True)),
                ("state", models.CharField(default="open", max_length=10)),
                ("weight", models.IntegerField(null=True)),
                ("note", models.TextField(default="")),
                ("delivered_at", models.DateTimeField(null=True)),
                ("code", notifications_counter.fields.KeyField(max_length=20, null=True, unique=True)),
                (
                    "owner",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("team", models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to="testapp.team")),
            ],
        ),
    ]
