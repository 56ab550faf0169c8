"""Suggestions: texts of which some word begins so, the most popular first, exactly.

Of a prefix that many documents have, some of the most popular ones have it: these are looked through first, in an
index that holds all that is needed. Where they give too few, the prefix is rare, and the full text gives all. So
neither way has to look at many documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .....compat.uncached import rows_of
from ...models import SearchDocument
from ...results import Suggestion
from . import vocabulary
from .rows import texts
from .vendor import Parameters, Terms, Vendor
from .words import words_of

if TYPE_CHECKING:
    from ...index import SearchIndex

#: Among how many of the most popular documents is looked first: as many take about as long as the full text takes of a
#: million documents of which so few have the prefix that these do not suffice.
WALKED = 4000

#: More than are asked for, because several documents may have the same text.
SPARE = 5


def suggest(vendor: Vendor, index: SearchIndex, prefix: str, size: int) -> list[Suggestion]:
    """What may be meant by a prefix; where not enough begins so, also what differs from it by a letter or two."""
    typed = words_of(prefix)
    if not typed:
        return []
    ends = [False] * (len(typed) - 1) + [True]
    exact = [([word], is_prefix) for word, is_prefix in zip(typed, ends, strict=True)]
    found = _suggestions(vendor, index, exact, size)
    if len(found) < size:
        using = vendor.connection.alias
        near = [([*words, *vocabulary.meant(index, words[0], end, using)], end) for words, end in exact]
        if near != exact:
            known = {one.text for one in found}
            found += [one for one in _suggestions(vendor, index, near, size) if one.text not in known]
    return found[:size]


def _suggestions(vendor: Vendor, index: SearchIndex, terms: Terms, size: int) -> list[Suggestion]:
    places = _walk(vendor, index, terms, size + SPARE)
    if len(places) < size + SPARE:
        places = _look_up(vendor, index, terms, size + SPARE)
    rows = rows_of(SearchDocument, vendor.connection.alias).only("key", "body", "popularity").in_bulk(places)
    found: dict[str, Suggestion] = {}
    for id in places:
        if id in rows:
            text = _text(index, rows[id].body, terms)
            found.setdefault(text, Suggestion(text, rows[id].key, rows[id].popularity))
    return list(found.values())[:size]


def _walk(vendor: Vendor, index: SearchIndex, terms: Terms, size: int) -> list[int]:
    p = Parameters()
    first = (
        f"SELECT id, popularity, words FROM {vendor.table} WHERE index_name = {p.add(index.name)}"
        f" ORDER BY popularity DESC, id LIMIT {WALKED}"
    )
    return _ids(vendor, f"FROM ({first}) d WHERE {vendor.words_like(terms, p)}", size, p)


def _look_up(vendor: Vendor, index: SearchIndex, terms: Terms, size: int) -> list[int]:
    p = Parameters()
    condition = f"d.index_name = {p.add(index.name)} AND {vendor.has_words(terms, p)}"
    return _ids(vendor, f"FROM {vendor.table} d WHERE {condition}", size, p)


def _ids(vendor: Vendor, source: str, size: int, p: Parameters) -> list[int]:
    return [id for id, _ in vendor.rows(f"SELECT d.id, d.popularity {source} ORDER BY 2 DESC, 1 LIMIT {size}", p)]


def _text(index: SearchIndex, body: Any, terms: Terms) -> str:
    """Of a document's texts for autocomplete the one in which most of the words are."""
    names = [name for name, field in index.fields.items() if field.is_suggested]
    candidates = [text for name in names for text in texts(body, name)]
    return max(candidates, key=lambda text: _number_found(text, terms), default="")


def _number_found(text: str, terms: Terms) -> int:
    has = words_of(text)
    return sum(
        any(word.startswith(wanted) if is_prefix else word == wanted for wanted in words for word in has)
        for words, is_prefix in terms
    )
