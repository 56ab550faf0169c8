"""The list of products: what is searched for, page by page, with facets; without the engine the newest ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.http import urlencode

from notifications_counter.contrib.search import InvalidQuery
from notifications_counter.projections.documents import SinkUnavailable

from .models import Category, Product, Status

SIZE = 12
LAST_PAGE = 500
#: What is chosen -> the field to sort by; the best first by default.
ORDERS = {"": None, "newest": "-added", "oldest": "added"}


@dataclass(frozen=True)
class Asked:
    """What a page of the list is about, as its address says; what makes no sense there is left out."""

    text: str = ""
    category: str = ""
    order: str = ""
    page: int = 1

    @classmethod
    def of(cls, given: QueryDict) -> Asked:
        page, category, order = given.get("page", ""), given.get("category", ""), given.get("order", "")
        return cls(
            given.get("q", "")[:200].strip(),
            category if category in Category.values else "",
            order if order in ORDERS else "",
            int(page) if page.isascii() and page.isdigit() and len(page) < 4 and 0 < int(page) <= LAST_PAGE else 1,
        )

    def address(self, **changed: Any) -> str:
        """The part of an address behind the path, with something changed; from the first page on."""
        values = {"q": self.text, "category": self.category, "order": self.order, **changed}
        return f"?{urlencode({name: value for name, value in values.items() if value})}"

    @property
    def without_category(self) -> str:
        return self.address(category="")

    @property
    def previous(self) -> str:
        return self.address(page=self.page - 1)

    @property
    def next(self) -> str:
        return self.address(page=self.page + 1)


@dataclass(frozen=True)
class Facet:
    """A category, and how many of what was found are in it."""

    label: str
    number: int
    address: str
    is_chosen: bool


@dataclass(frozen=True)
class Found:
    """What the list shows.

    Attributes:
        rows: products, each with what to show of its title, in which what was found may be marked.
        facets: the categories of what was found, whichever is chosen.
        is_searched: false where the engine does not answer.
    """

    rows: list[tuple[Product, str]]
    total: int
    pages: int = 1
    facets: list[Facet] = field(default_factory=list)
    is_searched: bool = True


def find(asked: Asked) -> Found:
    """What a page of the list shows."""
    try:
        return _find(asked)
    except SinkUnavailable:
        newest = Product.objects.filter(status=Status.ACTIVE).order_by("-added")[:SIZE]
        return Found([(row, row.title) for row in newest], len(newest), is_searched=False)


def _find(asked: Asked) -> Found:
    index = Product.search
    filters = {"category": asked.category} if asked.category else {}
    # Without words all are as good: the newest first.
    order = ORDERS[asked.order] or (None if asked.text else "-added")
    marks = bool(asked.text) and index.sink.supports("highlighting", index.alias())
    try:
        page = index.search(asked.text, filters, asked.page, size=SIZE, order=order, highlight=marks)
        facets = index.search(asked.text, size=1, facets=["category"]).facets["category"]
    except InvalidQuery:
        return Found([], 0)
    titles = {index.key.value(hit.key): next(iter(hit.highlights.get("title", ())), None) for hit in page}
    rows = [(row, titles[row.pk] or row.title) for row in index.rows_of(page)]
    return Found(rows, page.total, page.pages, [_facet(value, number, asked) for value, number in facets])


def _facet(value: str, number: int, asked: Asked) -> Facet:
    label = Category(value).label if value in Category.values else value
    return Facet(label, number, asked.address(category=value), value == asked.category)
