"""Searches in the database: the words, the filters, the order, the total, the facets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.safestring import SafeString

from ...results import Hit, Page, Query
from . import vocabulary
from .highlighting import passages
from .rows import texts
from .vendor import Parameters, Terms, Vendor
from .words import words_of

if TYPE_CHECKING:
    from ...index import SearchIndex

#: The most values of a field that are counted.
MOST_VALUES = 100

#: Of a document's words as many are looked for in others.
MOST_WORDS = 25


class Search:
    """One search in one index.

    Args:
        vendor: the database.
        index: the index.
        query: what is searched for.
    """

    def __init__(self, vendor: Vendor, index: SearchIndex, query: Query) -> None:
        self.vendor, self.index, self.query = vendor, index, query
        self.terms = self._terms()

    def page(self) -> Page:
        """What it finds."""
        number, size = self.query.page, self.query.size
        if self.query.text and not self.terms:
            return Page([], 0, number, size, {name: [] for name in self.query.facets})
        total = self._total()
        hits = self._hits() if total > self.query.offset else []
        return Page(hits, total, number, size, {name: self._facet(name) for name in self.query.facets})

    def _terms(self) -> Terms:
        words = list(dict.fromkeys(words_of(self.query.text)))
        using = self.vendor.connection.alias
        meant = (vocabulary.meant(self.index, word, False, using) if self.query.typos else [] for word in words)
        return [([word, *others], False) for word, others in zip(words, meant, strict=True)]

    def _condition(self, p: Parameters) -> str:
        conditions = [f"d.index_name = {p.add(self.index.name)}"]
        if self.terms:
            conditions.append(self.vendor.matches(self.index, self.terms, p))
        conditions += [self._filter(name, given, p) for name, given in self.query.filters.items()]
        return " AND ".join(f"({condition})" for condition in conditions)

    def _filter(self, name: str, given: Any, p: Parameters) -> str:
        kind = self.index.fields[name].kind
        if given is None:
            return self.vendor.is_empty(name, kind)
        if isinstance(given, Mapping):
            return self.vendor.between(name, kind, given, p)
        values = given if isinstance(given, list | tuple) else [given]
        found = self.vendor.any_of(name, kind, [one for one in values if one is not None], p)
        return f"{found} OR {self.vendor.is_empty(name, kind)}" if None in values else found

    def _total(self) -> int:
        p = Parameters()
        sql = f"SELECT COUNT(*) FROM {self.vendor.table} d WHERE {self._condition(p)}"
        return int(self.vendor.rows(sql, p)[0][0])

    def _hits(self) -> list[Hit]:
        p = Parameters()
        join, score = self.vendor.scored(self.index, self.terms, p) if self.terms else ("", "0")
        sql = (
            f"SELECT d.{self.vendor.key}, d.body, {score} AS score FROM {self.vendor.table} d {join}"
            f" WHERE {self._condition(p)} ORDER BY {self._order()} LIMIT {self.query.size} OFFSET {self.query.offset}"
        )
        return self._marked([hit(self.index, *row) for row in self.vendor.rows(sql, p)])

    def _order(self) -> str:
        if self.query.order is None:
            return "score DESC, d.popularity DESC, d.id" if self.terms else "d.popularity DESC, d.id"
        name = self.query.order.removeprefix("-")
        first = self.vendor.first(name, self.index.fields[name].kind)
        return f"{first} IS NULL, {first}{' DESC' * self.query.order.startswith('-')}, d.id"

    def _facet(self, name: str) -> Sequence[tuple[Any, int]]:
        p = Parameters()
        kind = self.index.fields[name].kind
        elements, value = self.vendor.elements(name, kind), self.vendor.compared(kind)
        sql = (
            f"SELECT {value} AS value, COUNT(*) FROM {self.vendor.table} d CROSS JOIN {elements}"
            f" WHERE {self._condition(p)} GROUP BY {value} ORDER BY 2 DESC, 1 LIMIT {MOST_VALUES}"
        )
        found = [(self.vendor.found(one), number) for one, number in self.vendor.rows(sql, p)]
        return [(bool(one) if kind == "boolean" else one, number) for one, number in found]

    def _marked(self, hits: list[Hit]) -> list[Hit]:
        if not self.query.highlight or not self.terms:
            return hits
        names = [name for name, field in self.index.fields.items() if field.is_text]
        words = {
            word for one in hits for name in names for text in texts(one.document, name) for word in words_of(text)
        }
        found = self.vendor.matching(self.index, self.terms, words)
        return [Hit(one.key, one.document, one.score, _highlights(one.document, names, found)) for one in hits]


def _highlights(body: Mapping[str, Any], names: Sequence[str], found: set[str]) -> dict[str, list[SafeString]]:
    marked = {name: [one for text in texts(body, name) for one in passages(text, found)] for name in names}
    return {name: list_ for name, list_ in marked.items() if list_}


def hit(index: SearchIndex, key: str, body: Any, score: Any) -> Hit:
    """A document that was found, without what only the sink needs."""
    document = json.loads(body) if isinstance(body, str | bytes) else body
    return Hit(key, {name: document.get(name) for name in index.fields}, float(score or 0))


def more_like(vendor: Vendor, index: SearchIndex, key: str, body: Any, size: int) -> Page:
    """Documents that have many words in common with one."""
    names = sorted((name for name, one in index.fields.items() if one.is_text), key=lambda n: -index.fields[n].weight)
    words = list(dict.fromkeys(word for name in names for text in texts(body, name) for word in words_of(text)))
    if not words:
        return Page([], 0, 1, size)
    p = Parameters()
    condition, join, score = vendor.alike(index, words[:MOST_WORDS], p)
    where = f"d.index_name = {p.add(index.name)} AND d.{vendor.key} <> {p.add(key)} AND {condition}"
    sql = (
        f"SELECT d.{vendor.key}, d.body, {score} AS score FROM {vendor.table} d {join}"
        f" WHERE {where} ORDER BY score DESC, d.id LIMIT {size}"
    )
    hits = [hit(index, *row) for row in vendor.rows(sql, p)]
    return Page(hits, len(hits), 1, size)
