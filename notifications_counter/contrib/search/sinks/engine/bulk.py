"""How documents are sent, and what becomes of each.

Every document has the projection's version as its external version, and one that is gone is a document too, with a
flag: the engine refuses what is older than what it has, in whatever order processes send. A plain delete would forget
the version, and nothing here updates or deletes by a query, which would raise it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils import timezone

from .....exceptions import quoted
from .....projections.documents import Document, Outcome
from ..base import DELETED
from .connection import Connection, reason_of
from .mapping import GONE_AT, KEY

#: Of an item. 409: the engine has a document that is as new, or newer.
DONE = {200, 201, 409}
#: 429 is too much at once, or a disk that is nearly full; 403 an index that takes no writes for now.
RETRY = {403, 408, 429, 500, 502, 503, 504}

#: Made once: ``json.dumps`` with arguments makes an encoder each time.
encoded = json.JSONEncoder(separators=(",", ":")).encode

#: What is asked to be answered. Without the alias an engine would make an index of its own in the alias's place.
PARAMS = {"require_alias": "true", "filter_path": "errors,items.*.status,items.*.error.type,items.*.error.reason"}


def send(connection: Connection, alias: str, documents: Sequence[Document]) -> list[Outcome]:
    """Send documents to an alias; one outcome for each.

    Raises:
        SinkUnavailable: the engine took none, or there is no such alias.
    """
    if not documents:
        return []
    body = "".join(_lines(alias, documents))
    answer = connection.ask("POST", "/_bulk", body, params=PARAMS, allow=(400, 413))
    if answer.status in (400, 413):
        return _apart(connection, alias, documents, reason_of(answer.body))
    if not answer.body.get("errors"):
        return [Outcome(document.key) for document in documents]
    return _outcomes(connection, alias, documents, [one["index"] for one in answer.body["items"]])


def _apart(connection: Connection, alias: str, documents: Sequence[Document], reason: str) -> list[Outcome]:
    """One that cannot be, such as one with a key of 600 bytes, keeps the engine from taking any: which it is."""
    if len(documents) == 1:
        return [Outcome(documents[0].key, refused=reason)]
    middle = len(documents) // 2
    return send(connection, alias, documents[:middle]) + send(connection, alias, documents[middle:])


def _outcomes(
    connection: Connection, alias: str, documents: Sequence[Document], items: Sequence[Mapping[str, Any]]
) -> list[Outcome]:
    if any(item["status"] == 404 for item in items):
        raise connection.unavailable(f"has no alias {quoted(alias)}: run manage.py search_index --rebuild.")
    if all(item["status"] in RETRY for item in items):
        raise connection.unavailable(f"takes no documents for now, {items[0]['status']}: {reason_of(items[0])}")
    return [_outcome(document.key, item) for document, item in zip(documents, items, strict=True)]


def _outcome(key: str, item: Mapping[str, Any]) -> Outcome:
    if item["status"] in DONE:
        return Outcome(key)
    if item["status"] in RETRY:
        return Outcome(key, retry=True)
    return Outcome(key, refused=reason_of(item))


def _lines(alias: str, documents: Iterable[Document]) -> Iterable[str]:
    now = timezone.now().isoformat()
    for document in documents:
        action = {"_index": alias, "_id": document.key, "version": document.version, "version_type": "external"}
        yield f"{encoded({'index': action})}\n{encoded(_source(document, now))}\n"


def _source(document: Document, now: str) -> dict[str, Any]:
    if document.body is None:
        return {KEY: document.key, DELETED: True, GONE_AT: now}
    return {**document.body, KEY: document.key, DELETED: False}


def forget(connection: Connection, generation: str, versions: Mapping[str, int]) -> int:
    """Remove documents that have no newer version than the given one; how many went.

    Args:
        connection: the engine.
        generation: the index itself. Of one that is not there the engine would make one, so it is never an alias.
        versions: key -> version.
    """
    lines = []
    for key, version in versions.items():
        action = {"_index": generation, "_id": key, "version": version, "version_type": "external_gte"}
        lines.append(f"{encoded({'delete': action})}\n")
    params = {"filter_path": PARAMS["filter_path"]}
    items = connection.ask("POST", "/_bulk", "".join(lines), params=params).body["items"]
    return sum(item["delete"]["status"] == 200 for item in items)
