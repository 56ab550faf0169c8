from django.apps import AppConfig


class CountsConfig(AppConfig):
    name = "tests.suites.counts"
    label = "nc"
    default_auto_field = "django.db.models.BigAutoField"
