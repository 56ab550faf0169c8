"""From a document to the row that holds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .....projections.documents import Document
from ...models import SearchDocument
from ..base import DIGEST, POPULARITY
from .words import words_of

if TYPE_CHECKING:
    from ...index import SearchIndex

#: Of more text the beginning is searched: PostgreSQL holds at most 1 MB of words of one document, each in two forms.
MOST_BYTES = 200_000

#: Of the texts for autocomplete as much is looked at as fits into an entry of an index.
MOST_SUGGESTED_BYTES = 1200

#: How many weights a database can tell apart, as PostgreSQL has them.
CLASSES = ("text_a", "text_b", "text_c", "text_d")

LONGEST_KEY = 500


def refusal(document: Document) -> str | None:
    """Why a document can never be stored; None where it can."""
    if len(document.key) > LONGEST_KEY:
        return f"its primary key is longer than {LONGEST_KEY} characters"
    try:
        json.dumps([document.key, document.body], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "it has a character that cannot be encoded in UTF-8"
    return None


def weights(index: SearchIndex) -> list[float]:
    """The weight of each class, as many as there are classes: the least ones of more than four share the last."""
    found = sorted({field.weight for field in index.fields.values() if field.is_text}, reverse=True)[: len(CLASSES)]
    return found + [0.0] * (len(CLASSES) - len(found))


def row_of(index: SearchIndex, document: Document, written: Callable[[str], str]) -> SearchDocument:
    """The row of a document.

    Args:
        index: the index.
        document: the document, with a body.
        written: how the database has a word, so that it leaves none out.
    """
    body: Any = document.body
    return SearchDocument(
        index_name=index.name,
        key=document.key,
        body=dict(body),
        filterable=filterable(index, body),
        words=_suggested(index, body, written),
        popularity=body.get(POPULARITY) or 0,
        digest=body[DIGEST],
        version=document.version,
        **_by_class(index, body, written),
    )


def texts(body: Mapping[str, Any], name: str) -> list[str]:
    """The texts of a field."""
    value = body.get(name)
    return [one for one in (value if isinstance(value, list) else [value]) if one is not None]


def filterable(index: SearchIndex, body: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The values by which a document is filtered, sorted and counted, each once; booleans are numbers."""
    found = {}
    for name, field in index.fields.items():
        if not field.is_text:
            values: Sequence[Any] = texts(body, name)
            found[name] = list(dict.fromkeys(int(one) if field.kind == "boolean" else one for one in values))
    return found


def _by_class(index: SearchIndex, body: Mapping[str, Any], written: Callable[[str], str]) -> dict[str, str]:
    by_class: dict[str, list[str]] = {name: [] for name in CLASSES}
    of_weight = dict(zip(weights(index), CLASSES, strict=True))
    left = MOST_BYTES
    for name, field in sorted(index.fields.items(), key=lambda item: -item[1].weight):
        if field.is_text:
            found, left = _cut([written(word) for text in texts(body, name) for word in words_of(text)], left)
            by_class[of_weight.get(field.weight, CLASSES[-1])] += found
    return {name: " ".join(found) for name, found in by_class.items()}


def _suggested(index: SearchIndex, body: Mapping[str, Any], written: Callable[[str], str]) -> str:
    names = [name for name, field in index.fields.items() if field.is_suggested]
    found, _ = _cut(
        [written(word) for name in names for text in texts(body, name) for word in words_of(text)], MOST_SUGGESTED_BYTES
    )
    return f" {' '.join(found)} " if found else ""


def _cut(found: list[str], left: int) -> tuple[list[str], int]:
    """As many words as fit, and how many bytes are left."""
    for place, word in enumerate(found):
        left -= len(word.encode()) + 1
        if left < 0:
            return found[:place], 0
    return found, left
