"""What an engine is asked for searches and suggestions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..base import POPULARITY
from .mapping import KEY, LONGEST_PREFIX, has_stems

if TYPE_CHECKING:
    from ...declaration import SearchDeclaration
    from ...results import Query

#: How many values of a field a facet has.
FACET_SIZE = 100

#: How many passages a field has whose words are marked.
PASSAGES = 3

#: Engines mark no more than 1,000,000 characters of a text, and refuse a search that would have to.
LONGEST_MARKED = 999_999

#: How many words that differ by a letter or two a word stands for. All of them together count for the most conditions
#: that a search has, which engines limit to 1024.
EXPANSIONS, MOST_CONDITIONS = 20, 1000

#: A longer word has no typos: the automaton of one of thousands of letters takes an engine hundreds of megabytes.
LONGEST_TOLERATED = 50

#: Between these, engines see one word: "Node.js", "can't", "3,5".
SEPARATORS = re.compile(r"[^\w.,:;'\u2019\u00b7]+")
LETTER = re.compile(r"[^\W_]")

#: Hits of a search with this are marked with the same; engines escape the rest.
MARK, END = "<mark>", "</mark>"


def words_of(text: str) -> list[str]:
    """The different words of a text; without those that have no letter and no digit."""
    return list(dict.fromkeys(word for word in SEPARATORS.split(text) if LETTER.search(word)))


def fields_of(index: SearchDeclaration) -> list[str]:
    """All that words are looked up in, with weights."""
    found = []
    for name, field in index.fields.items():
        if field.is_text:
            found += [f"{one}^{field.weight:g}" for one in (name, *([f"{name}.words"] if has_stems(index) else []))]
    return found


def search(index: SearchDeclaration, query: Query, words: Sequence[str], marks_until: str) -> dict[str, Any]:
    """The body of a search.

    Args:
        index: the index.
        query: what is searched for.
        words: of its text.
        marks_until: as of ``Connection``.
    """
    body: dict[str, Any] = {
        "query": {"bool": {"must": _must(index, query, words), "filter": _filters(query.filters)}},
        "from": query.offset,
        "size": query.size,
        "sort": _sort(index, query, words),
        "track_scores": True,
        "track_total_hits": True,
        "_source": list(index.fields),
    }
    if query.facets:
        body["aggs"] = {name: {"terms": {"field": name, "size": FACET_SIZE}} for name in query.facets}
    if query.highlight:
        body["highlight"] = _highlight(index, marks_until)
    return body


def _must(index: SearchDeclaration, query: Query, words: Sequence[str]) -> list[Any]:
    fields = fields_of(index)
    tolerant = {"fuzziness": "AUTO", "max_expansions": EXPANSIONS} if query.typos else {}
    most = MOST_CONDITIONS // (max(1, len(fields)) * (EXPANSIONS if query.typos else 1))
    if words and not fields:
        return [{"match_none": {}}]
    return [
        {
            "multi_match": {
                "query": word,
                "fields": fields,
                "operator": "and",
                **(tolerant if len(word) <= LONGEST_TOLERATED else {}),
            }
        }
        for word in words[: max(1, most)]
    ]


def _filters(filters: Mapping[str, Any]) -> list[Any]:
    return [_filter(name, value) for name, value in filters.items()]


def _filter(name: str, value: Any) -> Any:
    if value is None:
        return {"bool": {"must_not": {"exists": {"field": name}}}}
    if isinstance(value, Mapping):
        return {"range": {name: dict(value)}}
    return {"terms": {name: list(value)}} if isinstance(value, list | tuple) else {"term": {name: value}}


def _sort(index: SearchDeclaration, query: Query, words: Sequence[str]) -> list[Any]:
    last: list[Any] = [{KEY: "asc"}]
    if query.order is not None:
        direction = "desc" if query.order.startswith("-") else "asc"
        return [{query.order.removeprefix("-"): {"order": direction, "missing": "_last"}}, *last]
    popular = [{POPULARITY: {"order": "desc", "missing": "_last"}}] if index.has_popularity else []
    return [*([{"_score": "desc"}] if words else []), *popular, *last]


def _highlight(index: SearchDeclaration, marks_until: str) -> dict[str, Any]:
    """On the plain fields: a mark in a field of beginnings would be on the whole word, or nowhere."""
    names = [name for name, field in index.fields.items() if field.is_text]
    return {
        "encoder": "html",
        "pre_tags": [MARK],
        "post_tags": [END],
        "number_of_fragments": PASSAGES,
        marks_until: LONGEST_MARKED,
        "fields": {name: {} for name in names},
    }


def suggest(index: SearchDeclaration, words: Sequence[str], size: int, *, typos: int | None) -> dict[str, Any]:
    """The body of a look-up of suggestions: all words begin words of the same field.

    Args:
        index: the index.
        words: what has been typed.
        size: how many documents at most.
        typos: after how many letters words of four letters and more may differ by one or two; None for nowhere.
    """
    tolerant = {} if typos is None else {"fuzziness": "AUTO:4,8", "prefix_length": typos}
    names = [name for name, field in index.fields.items() if field.is_suggested]
    # Of several fields, which one it was: an engine finds that out by a look-up as dear as the first one.
    each = [_beginnings(name, words, tolerant) | ({"_name": name} if len(names) > 1 else {}) for name in names]
    query: dict[str, Any] = {"dis_max": {"queries": [{"bool": one} for one in each]}}
    popular = [{POPULARITY: {"order": "desc", "missing": "_last"}}] if index.has_popularity else [{"_score": "desc"}]
    return {
        # Scores are of use only where nothing says what is popular, and cost time.
        "query": {"bool": {"filter": query}} if index.has_popularity else query,
        "size": size,
        "sort": [*popular, {KEY: "asc"}],
        "track_total_hits": False,
        "_source": [*names, POPULARITY],
    }


def _beginnings(name: str, words: Sequence[str], tolerant: Mapping[str, Any]) -> dict[str, Any]:
    beginnings = [
        {"match": {f"{name}.beginnings": {"query": word[:LONGEST_PREFIX], "operator": "and", **tolerant}}}
        for word in words
    ]
    return {"must": beginnings}


def more_like(index: SearchDeclaration, key: str, size: int) -> dict[str, Any]:
    """The body of a search for documents that have much in common with one."""
    names = [name for name, field in index.fields.items() if field.is_text]
    like = {
        "fields": names,
        "like": [{"_id": key}],
        "min_term_freq": 1,
        "min_doc_freq": 1,
        "minimum_should_match": "20%",
    }
    query = {"more_like_this": like} if names else {"match_none": {}}
    return {"query": query, "size": size, "track_total_hits": True, "_source": list(index.fields)}
