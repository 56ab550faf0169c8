from django.apps import AppConfig


class ProductsConfig(AppConfig):
    name = "products"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from notifications_counter import revisions

        from .models import ProductsByCategory, ProductsByHour, ProductsByMinute, Revision

        counters = [ProductsByMinute.counter, ProductsByHour.counter, ProductsByCategory.counter]
        revisions.revise(Revision.counter, counters)
