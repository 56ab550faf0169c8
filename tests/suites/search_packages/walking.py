"""A random walk over the shop by several processes at once, as a site changes its rows, and what is wrong after it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat

from .documents import Documents, differences, wanted
from .models import Brand, Category, Product, Review, Tag

PROCESSES = 4

#: So many rows of each model may be there, by their keys.
ROWS, OTHERS = 40, 5

Step = Callable[[random.Random], None]


def _some(model: Any, chance: random.Random) -> Any:
    return model.objects.filter(pk=chance.randint(1, ROWS if model is Product else OTHERS)).first()


def _other(model: Any, chance: random.Random) -> Any:
    key = chance.randint(1, OTHERS)
    return model.objects.get_or_create(pk=key, defaults={"name": f"name {key}"})[0]


def save(chance: random.Random) -> None:
    row = _some(Product, chance) or Product(pk=chance.randint(1, ROWS))
    row.title, row.brand, row.category = f"title {chance.random()}", _other(Brand, chance), _other(Category, chance)
    row.is_hidden = chance.random() < 0.2
    row.save()


def save_a_field(chance: random.Random) -> None:
    if row := _some(Product, chance):
        row.title = f"title {chance.random()}"
        row.save(update_fields=["title"])


def update(chance: random.Random) -> None:
    Product.objects.filter(pk__gt=chance.randint(1, ROWS)).update(title=f"title {chance.random()}")


def bulk_create(chance: random.Random) -> None:
    keys = {chance.randint(1, ROWS) for _ in range(5)}
    Product.objects.bulk_create([Product(pk=key, title="many") for key in sorted(keys)], ignore_conflicts=True)


def bulk_update(chance: random.Random) -> None:
    rows = list(Product.objects.filter(pk__lt=chance.randint(1, ROWS)).order_by("pk"))
    for row in rows:
        row.title = f"title {chance.random()}"
    Product.objects.bulk_update(rows, ["title"])


def delete(chance: random.Random) -> None:
    if row := _some(Product, chance):
        row.delete()


def delete_many(chance: random.Random) -> None:
    Product.objects.filter(pk__in=[chance.randint(1, ROWS) for _ in range(3)]).delete()


def cascade(chance: random.Random) -> None:
    Brand.objects.filter(pk=chance.randint(1, OTHERS)).delete()


def set_null(chance: random.Random) -> None:
    if row := _some(Category, chance):
        row.delete()


def rename(chance: random.Random) -> None:
    row = _other(chance.choice([Category, Tag]), chance)
    row.name = f"name {chance.random()}"
    row.save()


def rename_many(chance: random.Random) -> None:
    name = Concat(
        Value(f"name {chance.random()} "), Cast("pk", CharField())
    )  # no two alike: a document has one of them
    Tag.objects.filter(pk__lte=chance.randint(1, OTHERS)).update(name=name)


def tags(chance: random.Random) -> None:
    if row := _some(Product, chance):
        found = [_other(Tag, chance) for _ in range(2)]
        chance.choice([row.tags.set, lambda rows: row.tags.add(*rows), lambda rows: row.tags.clear()])(found)


def reviews(chance: random.Random) -> None:
    if row := _some(Product, chance):
        Review.objects.create(product=row, text=f"review {chance.random()}")
    Review.objects.filter(pk=chance.randint(1, 100)).delete()


def roll_back(chance: random.Random) -> None:
    with transaction.atomic():
        chance.choice(STEPS[:7])(chance)
        transaction.set_rollback(True)


def raw_sql(chance: random.Random) -> None:
    with connection.cursor() as cursor:
        sql = f"UPDATE {Product._meta.db_table} SET title = %s WHERE id = %s"
        cursor.execute(sql, [f"title {chance.random()}", chance.randint(1, ROWS)])


#: In each of which the rows are changed in a way of its own.
STEPS: list[Step] = [
    *(save, save_a_field, update, bulk_create, bulk_update, delete, delete_many, cascade, set_null, rename),
    *(rename_many, tags, reviews, roll_back),
]


def change(seed: int, number: int, with_raw_sql: bool) -> Counter[str]:
    """As one of the processes; what was raised, and how often."""
    chance, steps = random.Random(seed), [*STEPS, *([raw_sql] if with_raw_sql else [])]
    raised = Counter[str]()
    for _ in range(number):
        try:
            chance.choice(steps)(chance)
        except Exception as error:  # a row that another process has deleted, or whatever a package makes of that
            raised[type(error).__name__] += 1
    return raised


def walk(index: Any, name: str, directory: Path, seed: int, number: int) -> dict[str, Any]:
    """Let the processes change the rows, and compare the whole index with them.

    Args:
        index: the module of a package's index, which is up to date.
        name: what it is called.
        directory: where the database is.
        seed: of the first process.
        number: operations of all processes.
    """
    command = [sys.executable, "-m", f"{__package__}.run", name, str(directory), "--change"]
    processes = [
        subprocess.Popen([*command, str(seed + place), str(number // PROCESSES)], stdout=subprocess.PIPE, text=True)
        for place in range(PROCESSES)
    ]
    while any(process.poll() is None for process in processes):
        time.sleep(1)
        index.settle()
    raised = Counter[str]()
    for process in processes:
        raised.update(json.loads(process.communicate()[0].splitlines()[-1]))
    index.settle()
    found, expected = index.documents(), wanted()
    return counted(found, expected) | {"raised": raised, "first": differences(found, expected)[:3]}


def counted(found: Documents, expected: Documents) -> dict[str, int]:
    """How many documents are wrong, and in which way."""
    return {
        "documents": len(expected),
        "missing": len(expected.keys() - found.keys()),
        "stale": sum(found[key] != expected[key] for key in found.keys() & expected.keys()),
        "ghosts": len(found.keys() - expected.keys()),
    }
