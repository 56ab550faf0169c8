"""contrib.search of this tree, in the database of the rows; NC_SUITES_CAPTURE says how changes are captured."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.db.models import Q

from ..documents import Documents, made

#: Made by ``connect``, when the models are there.
INDEXES: list[Any] = []


def settings(directory: Path) -> dict[str, Any]:
    return {
        "INSTALLED_APPS": ["notifications_counter", "notifications_counter.contrib.search"],
        "NOTIFICATIONS_COUNTER": {"AUDIT_INTERVAL": None, "SEARCH": {"AUDIT_INTERVAL": None}},
    }


def connect() -> None:
    from notifications_counter.contrib.search import Field, SearchIndex

    from ..models import Category, Product, Review, Tag

    index = SearchIndex(
        Product,
        fields={
            "title": "text",
            "category": Field("keyword", "category__name"),
            "tags": Field("keyword", "tags__name"),
            "reviews": Field("text", "reviews__text"),
        },
        related={Category: "category", Tag: "tags", Review: "reviews"},
        filter=Q(is_hidden=False),
        capture=os.environ["NC_SUITES_CAPTURE"],
    )
    INDEXES.append(index)


def rebuild() -> None:
    settle()
    INDEXES[0].rebuild()


def settle() -> None:
    """What the flush does, each second or minute on a site."""
    from notifications_counter.cron import update_counter

    update_counter()


def documents() -> Documents:
    found = INDEXES[0].search(size=1000)
    return {hit.key: made(*(hit.document[name] for name in ("title", "category", "tags", "reviews"))) for hit in found}
