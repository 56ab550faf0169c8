from django.apps import AppConfig


class StreamsTestsConfig(AppConfig):
    name = "tests.streams"
    label = "streams_tests"
    default_auto_field = "django.db.models.BigAutoField"
