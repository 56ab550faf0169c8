"""The kinds of change. Each is made of steps, after each of which the index is compared with the database."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from django.core.management import call_command
from django.db import connection, transaction

from .models import Brand, Category, Product, Review, Tag

#: Does the first step up to the first ``yield``, and so on.
Steps = Callable[[], Iterator[None]]


def begin() -> None:
    """The rows with which each kind begins."""
    for model in (Review, Product, Brand, Category, Tag):
        model.objects.all().delete()
    brand = Brand.objects.create(name="Acme")
    category = Category.objects.create(name="Shoes")
    tags = [Tag.objects.create(name=name) for name in ("new", "red")]
    for title in ("Boot", "Clog"):
        row = Product.objects.create(title=title, brand=brand, category=category)
        row.tags.set(tags)
        row.reviews.create(text=f"good {title}")


def boot() -> Product:
    return Product.objects.get(title="Boot")


def create_and_save() -> Iterator[None]:
    row = Product.objects.create(title="Mule", category=Category.objects.get())
    yield
    row.title = "Pump"
    row.save()
    yield


def delete() -> Iterator[None]:
    boot().delete()
    yield


def update() -> Iterator[None]:
    Product.objects.update(title="Mule")
    yield


def bulk_create() -> Iterator[None]:
    Product.objects.bulk_create([Product(title="Mule"), Product(title="Pump")])
    yield


def bulk_update() -> Iterator[None]:
    row = boot()
    row.title = "Mule"
    Product.objects.bulk_update([row], ["title"])
    yield


def bulk_create_with_conflicts() -> Iterator[None]:
    rows = [Product(pk=boot().pk, title="Mule"), Product(pk=boot().pk + 100, title="Pump")]
    Product.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=["title"])
    yield


def queryset_delete() -> Iterator[None]:
    Product.objects.filter(title="Boot").delete()
    yield


def cascade() -> Iterator[None]:
    Brand.objects.get().delete()
    yield


def set_null() -> Iterator[None]:
    Category.objects.get().delete()
    yield


def related_saved() -> Iterator[None]:
    row = Category.objects.get()
    row.name = "Footwear"
    row.save()
    yield


def related_updated() -> Iterator[None]:
    Category.objects.update(name="Footwear")
    yield


def many_to_many() -> Iterator[None]:
    row, tag = boot(), Tag.objects.create(name="blue")
    row.tags.add(tag)
    yield
    row.tags.remove(tag)
    yield
    row.tags.set([tag])
    yield
    row.tags.clear()
    yield


def many_to_many_reverse() -> Iterator[None]:
    row, tag = boot(), Tag.objects.create(name="blue")
    tag.products.add(row)
    yield
    tag.products.remove(row)
    yield
    tag.products.set([row])
    yield
    tag.products.clear()
    yield


def many_to_many_row_deleted() -> Iterator[None]:
    Tag.objects.get(name="new").delete()
    yield


def reverse_rows() -> Iterator[None]:
    review = Review.objects.create(product=boot(), text="fine")
    yield
    review.product = Product.objects.get(title="Clog")
    review.save()
    yield
    review.delete()
    yield


def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        _change_all()
        transaction.set_rollback(True)
    yield
    with transaction.atomic():
        try:
            with transaction.atomic():
                _change_all()
                raise LookupError
        except LookupError:
            pass
    yield


def _change_all() -> None:
    row = boot()
    row.title = "Mule"
    row.save()
    Product.objects.create(title="Pump")
    Product.objects.get(title="Clog").delete()


def raw_sql() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Product._meta.db_table} SET title = 'Mule'")
    yield


def fixture() -> Iterator[None]:
    fields = {"title": "Mule", "category": Category.objects.get().pk, "tags": [Tag.objects.get(name="red").pk]}
    rows = [{"model": Product._meta.label_lower, "pk": pk, "fields": fields} for pk in (boot().pk, boot().pk + 100)]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "rows.json"
        path.write_text(json.dumps(rows))
        call_command("loaddata", path, verbosity=0)
    yield


def key_comes_back() -> Iterator[None]:
    key = boot().pk
    boot().delete()
    Product.objects.create(pk=key, title="Mule")
    yield


def hidden() -> Iterator[None]:
    row = boot()
    row.is_hidden = True
    row.save()
    yield
    row.is_hidden = False
    row.save()
    yield


KINDS: dict[str, Steps] = {
    "``create()``, ``save()``": create_and_save,
    "``delete()``": delete,
    "``update()``": update,
    "``bulk_create()``": bulk_create,
    "``bulk_update()``": bulk_update,
    "``bulk_create(update_conflicts=True)``": bulk_create_with_conflicts,
    "``delete()`` of a queryset": queryset_delete,
    "deleted by a cascade": cascade,
    "foreign key set to null by ``on_delete``": set_null,
    "related row changed by ``save()``": related_saved,
    "related row changed by ``update()``": related_updated,
    "many-to-many: ``add``, ``remove``, ``set``, ``clear``": many_to_many,
    "the same from the other end": many_to_many_reverse,
    "row at the other end deleted": many_to_many_row_deleted,
    "reverse row created, moved, deleted": reverse_rows,
    "transaction or savepoint rolled back": rolled_back,
    "raw SQL": raw_sql,
    "``loaddata``": fixture,
    "deleted, and its key used again": key_comes_back,
    "row hidden by a filter, and shown again": hidden,
}
