"""How many products of each status there are, as JSON, for programs that wait for them."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from ...dashboard import by_status
from ...models import Product


class Command(BaseCommand):
    help = "Print as JSON how many products there are of each status, and how many titles."

    def handle(self, *args: Any, **options: Any) -> None:
        numbers = {one["name"]: one["number"] for one in by_status()}
        titles = Product.objects.order_by().values("title").distinct().count()
        self.stdout.write(json.dumps(numbers | {"titles": titles}))
