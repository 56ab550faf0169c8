"""What the shop begins with: users, products with their pictures, and how popular they are."""

import random
from datetime import UTC, timedelta
from typing import Any

from demo.samples import make_users
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from ...models import Product, ProductViews, Status, Thumbnail
from ...samples import PICTURES, draw
from ...thumbnails import thumbnails

MOST_VIEWS = 200


class Command(BaseCommand):
    help = "Make users and products in an empty database."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists() or Product.objects.exists():
            raise CommandError("There are users or products already. products_demo makes a database of its own.")
        make_users()
        chance, now = random.Random(1), timezone.now().astimezone(UTC)
        with transaction.atomic():
            for place, (name, (title, category)) in enumerate(PICTURES.items()):
                added = now - timedelta(minutes=chance.choice((1, 10, 60)) * (place % 24) + 1)
                self._make(name, title, category, added, chance)
        self.stdout.write(f"{len(PICTURES)} products to begin with.")

    def _make(self, name: str, title: str, category: str, added: Any, chance: random.Random) -> None:
        minute = added.replace(second=0, microsecond=0)
        product = Product.objects.create(
            title=title,
            category=category,
            image_url=f"https://images.example.com/{name}.png",
            status=Status.ACTIVE,
            added=added,
            minute=minute,
            hour=minute.replace(minute=0),
        )
        made = thumbnails(draw(name))
        Thumbnail.objects.bulk_create(Thumbnail(product=product, size=size, content=made[size]) for size in made)
        ProductViews.counter.add({product: chance.randrange(1, MOST_VIEWS)})
