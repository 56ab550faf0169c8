from django.apps import AppConfig


class SearchTestsConfig(AppConfig):
    name = "tests.search"
    label = "search_tests"
    default_auto_field = "django.db.models.BigAutoField"
