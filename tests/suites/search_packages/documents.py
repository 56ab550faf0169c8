"""What a document must say, and what the database says that it must say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps

#: Primary key, as text, -> title, category, tags and reviews.
Documents = dict[str, tuple[str, str, list[str], list[str]]]


def wanted() -> Documents:
    """The documents of the rows as they are now, hidden ones left out."""
    rows = apps.get_model("search_packages.Product").objects.filter(is_hidden=False)
    return {str(row.pk): document(row) for row in rows}


def document(row: Any) -> tuple[str, str, list[str], list[str]]:
    return made(row.title, category_of(row), tags_of(row), reviews_of(row))


def made(
    title: Any, category: Any, tags: Iterable[Any], reviews: Iterable[Any]
) -> tuple[str, str, list[str], list[str]]:
    """A document as it is compared: what is missing is empty, and lists have no order."""
    return str(title), str(category or ""), sorted(map(str, tags or ())), sorted(map(str, reviews or ()))


def category_of(row: Any) -> str:
    return row.category.name if row.category else ""


def tags_of(row: Any) -> list[str]:
    return [tag.name for tag in row.tags.all()]


def reviews_of(row: Any) -> list[str]:
    return [review.text for review in row.reviews.all()]


def touched(row: Any) -> Any:
    """The products whose documents a row of another model is part of."""
    return row.product if hasattr(row, "product") else row.products.all()


def differences(found: Documents, expected: Documents) -> list[str]:
    """What is wrong with the index, a short line for each document."""
    lines = [f"document {key} is missing" for key in sorted(expected.keys() - found.keys())]
    lines += [f"document {key} has no row, or a hidden one" for key in sorted(found.keys() - expected.keys())]
    both = sorted(key for key in expected.keys() & found.keys() if expected[key] != found[key])
    return lines + [f"document {key} says {found[key]}, its row {expected[key]}" for key in both]
