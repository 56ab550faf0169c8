"""What is made of the answers of an engine."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.safestring import mark_safe

from ...results import Hit, Page, Stored, Suggestion
from ..base import DELETED, DIGEST, POPULARITY

if TYPE_CHECKING:
    from ...declaration import SearchDeclaration

WORD = re.compile(r"[^\W_]+")


def page(index: SearchDeclaration, body: Mapping[str, Any], number: int, size: int) -> Page:
    """One page of a search."""
    hits = [_hit(index, one) for one in body["hits"]["hits"]]
    facets = {name: _facet(index, name, one["buckets"]) for name, one in body.get("aggregations", {}).items()}
    return Page(hits, body["hits"]["total"]["value"], number, size, facets)


def _hit(index: SearchDeclaration, found: Mapping[str, Any]) -> Hit:
    # The engine has escaped what is between the marks, and around them.
    highlights = {name: [mark_safe(one) for one in passages] for name, passages in found.get("highlight", {}).items()}  # noqa: S308
    document = {name: found["_source"].get(name) for name in index.fields}
    return Hit(found["_id"], document, found.get("_score") or 0.0, highlights)


def _facet(index: SearchDeclaration, name: str, buckets: Sequence[Mapping[str, Any]]) -> list[tuple[Any, int]]:
    return [(_value(index.fields[name].kind, one["key"]), one["doc_count"]) for one in buckets]


def _value(kind: str, key: Any) -> Any:
    """A value of a facet as documents have it."""
    if kind == "boolean":
        return bool(key)
    if kind == "date":
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=key)
        return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
    return int(key) if isinstance(key, float) and key.is_integer() else key


def suggestions(body: Mapping[str, Any], words: Sequence[str]) -> Iterable[Suggestion]:
    """The texts that were found, the best of each document."""
    beginnings = [_folded(word) for word in words]
    for found in body["hits"]["hits"]:
        for name in found.get("matched_queries") or list(found["_source"]):
            if texts := found["_source"].get(name):
                text = _best(texts if isinstance(texts, list) else [texts], beginnings)
                yield Suggestion(text, found["_id"], found["_source"].get(POPULARITY) or 0)
                break


def _best(texts: Sequence[str], beginnings: Sequence[str]) -> str:
    """Of several texts of a field the one of whose words most begin as was typed."""

    def fits(text: str) -> int:
        words = WORD.findall(_folded(text))
        return sum(any(word.startswith(beginning) for word in words) for beginning in beginnings)

    return max(texts, key=fits)


def _folded(text: str) -> str:
    """As an engine compares it: without accents, in lower case."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))


def stored(hits: Iterable[Mapping[str, Any]]) -> list[Stored]:
    """What there is of rows; those of which there is nothing are left out."""
    return [
        Stored(one["_id"], one["_version"], None if one["_source"].get(DELETED) else one["_source"].get(DIGEST, ""))
        for one in hits
        if one.get("found", True)
    ]


def columns(hits: Iterable[Mapping[str, Any]]) -> list[Stored]:
    """The same of columns of values: one that has no digest is a tombstone."""
    return [Stored(one["sort"][0], 0, one["fields"][DIGEST][0] if "fields" in one else None) for one in hits]
