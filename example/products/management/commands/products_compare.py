"""Whether what is found and what is counted is what the database has."""

import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count

from ...dashboard import by_status
from ...models import Product, ProductsByHour, ProductsByMinute, Status
from ...thumbnails import SIZES


class Command(BaseCommand):
    help = "Compare the shop's index, its counters and its thumbnails with its products; exit status 1 if they differ."

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = [*in_index(), *in_counters(), *in_thumbnails()]
        for sentence in wrong:
            self.stderr.write(sentence)
        numbers = ", ".join(f"{one['number']} {one['name']}" for one in by_status())
        self.stdout.write(f"Products: {numbers}; {len(wrong)} differences.")
        if wrong:
            sys.exit(1)


def in_index() -> Iterator[str]:
    """Every active product is found by its title and suggested, and no other one."""
    Product.search.refresh()
    active = dict(Product.objects.filter(status=Status.ACTIVE).values_list("pk", "title"))
    total = Product.search.search().total
    if total != len(active):
        yield f"{total} in the index, but {len(active)} active products"
    for pk, title in active.items():
        if str(pk) not in {hit.key for hit in Product.search.search(title, size=1000)}:
            yield f"{title} ({pk}) is not found"
    for title in set(active.values()):
        if title not in {one.text for one in Product.search.suggest(title, size=50)}:
            yield f"{title} is not suggested"


def in_counters() -> Iterator[str]:
    """The counters have what ``COUNT(*)`` has."""
    for one in by_status():
        count = Product.objects.filter(status=one["status"]).count()
        if one["number"] != count:
            yield f"{one['label']}: counted {one['number']}, are {count}"
    for counter, column in ((ProductsByMinute.counter, "minute"), (ProductsByHour.counter, "hour")):
        rows = Product.objects.values_list("status", column).annotate(number=Count("pk")).order_by()
        counts = {(status, moment): number for status, moment, number in rows}
        values = counter.values(counts)
        yield from (
            f"{column} {key}: counted {values[key]}, are {counts[key]}" for key in counts if values[key] != counts[key]
        )


def in_thumbnails() -> Iterator[str]:
    """An active product has each thumbnail once, and the others none."""
    for product in Product.objects.annotate(number=Count("thumbnails")):
        wanted = len(SIZES) if product.status == Status.ACTIVE else 0
        if product.number != wanted:
            yield f"{product} ({product.pk}) has {product.number} thumbnails"
