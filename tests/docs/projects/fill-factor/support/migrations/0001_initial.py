from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.CreateModel(
            "OpenTickets",
            [("id", models.BigAutoField(primary_key=True)), ("number", models.BigIntegerField(default=0))],
        )
    ]
