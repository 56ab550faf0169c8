from django.apps import AppConfig


class StreamDemoConfig(AppConfig):
    name = "stream_demo"
    default_auto_field = "django.db.models.BigAutoField"
