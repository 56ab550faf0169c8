"""What an engine is told about the documents of an index."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ..base import DELETED, DIGEST, POPULARITY

if TYPE_CHECKING:
    from ...declaration import SearchDeclaration
    from ...fields import Field

#: Beside what every sink has: the key as a value to sort by, and when a document has gone.
KEY, GONE_AT = "nc_key", "nc_gone_at"

#: The beginnings of words that are looked up have so many letters at most.
LONGEST_PREFIX = 20

#: Lucene takes values of 32,766 bytes; longer ones are stored, and neither found by filters nor counted.
LONGEST_KEYWORD = 8191

#: The first version of OpenSearch that can be told to search a shard by one thread. By several, its counts of values
#: depend on the number of cores, and are kept in the request cache.
ONE_THREAD_SINCE = (2, 17)

ANALYSIS = {
    "filter": {"nc_beginnings": {"type": "edge_ngram", "min_gram": 1, "max_gram": LONGEST_PREFIX}},
    "analyzer": {
        "nc_words": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "asciifolding"]},
        "nc_beginnings": {
            "type": "custom",
            "tokenizer": "standard",
            "filter": ["lowercase", "asciifolding", "nc_beginnings"],
        },
    },
}


def properties(index: SearchDeclaration) -> dict[str, Any]:
    """The types of all fields."""
    found = {name: _property(index, field) for name, field in index.fields.items()}
    found |= {
        KEY: {"type": "keyword"},
        DIGEST: {"type": "keyword", "index": False},
        DELETED: {"type": "boolean"},
        GONE_AT: {"type": "date"},
    }
    if index.has_popularity:
        found[POPULARITY] = {"type": "double"}
    return found


def _property(index: SearchDeclaration, field: Field) -> dict[str, Any]:
    if field.is_text:
        return _text(index, field)
    kinds: dict[str, dict[str, Any]] = {
        "keyword": {"type": "keyword", "ignore_above": LONGEST_KEYWORD},
        "number": {"type": "double"},
        "date": {"type": "date"},
        "boolean": {"type": "boolean"},
    }
    return kinds[field.kind]


def _text(index: SearchDeclaration, field: Field) -> dict[str, Any]:
    """Beside stems there are the words as they are, for the words that a language leaves out."""
    fields: dict[str, Any] = {}
    if has_stems(index):
        fields["words"] = {"type": "text", "analyzer": "nc_words"}
    if field.is_suggested:
        fields["beginnings"] = {"type": "text", "analyzer": "nc_beginnings", "search_analyzer": "nc_words"}
    analyzer = index.language if has_stems(index) else "nc_words"
    return {"type": "text", "analyzer": analyzer, **({"fields": fields} if fields else {})}


def has_stems(index: SearchDeclaration) -> bool:
    """Whether words are found by their stems."""
    return index.language != "simple"


def fingerprint(index: SearchDeclaration) -> str:
    """What tells two declarations apart of which an engine must be told anew."""
    text = json.dumps([properties(index), ANALYSIS], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def definition(index: SearchDeclaration, identity: str, one_thread: bool) -> dict[str, Any]:
    """The body that makes a generation of an index.

    Args:
        index: the index.
        identity: which database its documents are made of.
        one_thread: whether the engine knows how to search a shard by several threads, which it must not.
    """
    settings: dict[str, Any] = {
        "number_of_shards": 1,
        "auto_expand_replicas": "0-1",
        "refresh_interval": "-1",  # until it is read
        "analysis": ANALYSIS,
    }
    if one_thread:
        settings["search.concurrent_segment_search.mode"] = "none"
    about = {"index": index.label, "identity": identity, "fingerprint": fingerprint(index)}
    mappings = {"dynamic": False, "_meta": {"notifications_counter": about}, "properties": properties(index)}
    return {"settings": {"index": settings}, "mappings": mappings}
