"""The steps of a random walk over what is searched."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from .models import Category, Crate, Item, Review, Shelf, Tag

#: So many rows of each model may be there, by their keys.
ROWS = 40


def _some(model: Any, chance: random.Random) -> Any:
    return model.objects.filter(pk=chance.randint(1, ROWS)).first()


def save(chance: random.Random) -> None:
    item = _some(Item, chance) or Item(pk=chance.randint(1, ROWS))
    item.title, item.category = f"title {chance.randint(1, 9)}", _some(Category, chance)
    item.is_hidden = chance.random() < 0.2
    item.save()


def save_a_field(chance: random.Random) -> None:
    if item := _some(Item, chance):
        item.stock = chance.randint(0, 99)
        item.save(update_fields=["stock"])


def update(chance: random.Random) -> None:
    Item.objects.filter(pk__gt=chance.randint(1, ROWS)).update(price=chance.randint(0, 99), text=f"{chance.random()}")


def bulk_create(chance: random.Random) -> None:
    keys = {chance.randint(1, ROWS) for _ in range(5)}
    Item.objects.bulk_create([Item(pk=key, title="many") for key in sorted(keys)], ignore_conflicts=True)


def bulk_update(chance: random.Random) -> None:
    rows = list(Item.objects.filter(pk__lt=chance.randint(1, ROWS)).order_by("pk"))
    for row in rows:
        row.views = chance.randint(0, 99)
    Item.objects.bulk_update(rows, ["views"])


def delete(chance: random.Random) -> None:
    if item := _some(Item, chance):
        item.delete()


def delete_many(chance: random.Random) -> None:
    Item.objects.filter(pk__in=[chance.randint(1, ROWS) for _ in range(3)]).delete()


def rename_category(chance: random.Random) -> None:
    key = chance.randint(1, 5)
    Category.objects.update_or_create(pk=key, defaults={"name": f"name {chance.randint(1, 99)}"})


def delete_category(chance: random.Random) -> None:
    Category.objects.filter(pk=chance.randint(1, 5)).delete()


def tags(chance: random.Random) -> None:
    if item := _some(Item, chance):
        found = [Tag.objects.get_or_create(pk=chance.randint(1, 5))[0] for _ in range(2)]
        chance.choice([item.tags.set, lambda rows: item.tags.add(*rows), lambda rows: item.tags.clear()])(found)


def rename_tags(chance: random.Random) -> None:
    Tag.objects.filter(pk__lte=chance.randint(1, 5)).update(name=f"tag {chance.randint(1, 99)}")


def reviews(chance: random.Random) -> None:
    if item := _some(Item, chance):
        Review.objects.create(item=item, text=f"review {chance.randint(1, 99)}")
    Review.objects.filter(pk__in=[chance.randint(1, 200) for _ in range(3)]).delete()


def roll_back(chance: random.Random) -> None:
    with transaction.atomic():
        chance.choice(STEPS[:5])(chance)
        transaction.set_rollback(True)


def in_a_savepoint(chance: random.Random) -> None:
    with transaction.atomic():
        save(chance)
        with transaction.atomic():
            update(chance)
            transaction.set_rollback(chance.random() < 0.5)


def raw_sql(chance: random.Random) -> None:
    code, name = f"c{chance.randint(1, 20)}", f"name {chance.randint(1, 99)}"
    shelf = Shelf.objects.get_or_create(pk=chance.randint(1, 3))[0]
    statements = [
        ("UPDATE search_tests_crate SET name = %s WHERE code = %s", [name, code]),
        ("UPDATE search_tests_crate SET shelf_id = %s", [shelf.pk]),
        ("UPDATE search_tests_shelf SET name = %s WHERE id = %s", [name, shelf.pk]),
        ("DELETE FROM search_tests_crate WHERE code = %s", [code]),
    ]
    if not Crate.objects.filter(code=code).exists():
        statements = [("INSERT INTO search_tests_crate (code, name, unseen) VALUES (%s, %s, 0)", [code, name])]
    with connection.cursor() as cursor:
        cursor.execute(*chance.choice(statements))


STEPS: list[Callable[[random.Random], None]] = [
    *(save, save_a_field, update, bulk_create, bulk_update, delete, delete_many, rename_category, delete_category),
    *(tags, rename_tags, reviews, roll_back, in_a_savepoint, raw_sql, raw_sql),
]
