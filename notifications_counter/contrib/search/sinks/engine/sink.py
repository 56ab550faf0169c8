"""A sink that is a search engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Warning

from .....exceptions import quoted
from .....projections.documents import Document, Outcome
from ...conf import NAME
from ...exceptions import InvalidQuery
from ...results import Page, Query, Stored, Suggestion
from ..base import DELETED, DIGEST, SearchSink
from . import answers, bulk, queries
from .connection import PATIENCE, Connection, reason_of
from .generations import Generations
from .mapping import GONE_AT, KEY, definition, fingerprint

if TYPE_CHECKING:
    from ...declaration import SearchDeclaration

#: A search that only a part of the shards has answered is an error, not a page with less on it.
WHOLE = {"allow_partial_search_results": "false"}

#: Tombstones that are removed at once.
PURGED = 1000

#: How many suggestions are looked up for each that is wanted: several rows may have the same text.
SPARE = 3

#: Bytes that an engine takes of a name; generations and their aliases add 40.
LONGEST_NAME = 215

LOCAL = ("localhost", "127.0.0.1", "::1")


class EngineSink(SearchSink):
    """Keeps each index on an engine behind aliases, see ``generations``."""

    supports_highlighting = True
    supports_typos = True
    supports_more_like = True
    supports_raw = True
    supports_rollback = True

    connection_class: ClassVar[type[Connection]]

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.connection = self.connection_class(options)

    def name(self, index: SearchDeclaration, using: str) -> str:
        """The alias that is read."""
        return f"{self.options.PREFIX}{index.name_of(using)}"

    def generations(self, index: SearchDeclaration, using: str) -> Generations:
        """Those of an index."""
        return Generations(self.connection, self.name(index, using))

    def one_thread(self) -> bool:
        """Whether the engine must be told to search by one thread, so that counts do not depend on its cores."""
        return False

    # Documents

    def send(
        self, projection: SearchDeclaration, documents: Sequence[Document], *, using: str, target: str | None = None
    ) -> list[Outcome]:
        alias = self.generations(projection, using).all if target is None else f"{target}-all"
        return bulk.send(self.connection, alias, documents)

    # Life of an index

    def begin_rebuild(self, index: SearchDeclaration, *, using: str, identity: str) -> str:
        generations = self.generations(index, using)
        generations.state()  # also learns which version the engine is of
        return generations.begin(definition(index, identity, self.one_thread()))

    def finish_rebuild(self, index: SearchDeclaration, target: str, *, using: str) -> None:
        self.generations(index, using).finish(target)

    def rollback(self, index: SearchDeclaration, *, using: str) -> None:
        self.generations(index, using).roll_back()

    def purge(self, index: SearchDeclaration, before: datetime, *, using: str) -> int:
        generations, removed, after = self.generations(index, using), 0, None
        live = generations.state().live
        while live is not None:
            old = {"bool": {"filter": [{"term": {DELETED: True}}, {"range": {GONE_AT: {"lt": before.isoformat()}}}]}}
            hits = self._slice(live, after, PURGED, old)
            if not hits:
                break
            removed += bulk.forget(self.connection, live, {one["_id"]: one["_version"] for one in hits})
            after = hits[-1]["_id"]
        return removed

    def refresh(self, index: SearchDeclaration, *, using: str) -> None:
        self.connection.ask("POST", f"/{self.generations(index, using).all}/_refresh", seconds=PATIENCE)

    # Reading

    def search(self, index: SearchDeclaration, query: Query, *, using: str) -> Page:
        words = queries.words_of(query.text)
        if query.text and not words:
            return Page([], 0, query.page, query.size, {name: [] for name in query.facets})
        body = self._search(self.name(index, using), queries.search(index, query, words, self.connection.marks_until))
        return answers.page(index, body, query.page, query.size)

    def suggest(self, index: SearchDeclaration, prefix: str, *, size: int, using: str) -> list[Suggestion]:
        words, found = queries.words_of(prefix), dict[str, Suggestion]()
        # What begins exactly so comes first; only where that is too little, what nearly does, with another first letter
        # only where there is nothing else.
        for typos in (None, 1, 0) if any(len(word) > 3 for word in words) else (None,):
            if words and len(found) < (1 if typos == 0 else size):
                body = queries.suggest(index, words, size * SPARE, typos=typos)
                for one in answers.suggestions(self._search(self.name(index, using), body), words):
                    found.setdefault(one.text.casefold(), one)
        return list(found.values())[:size]

    def more_like(self, index: SearchDeclaration, key: str, *, size: int, using: str) -> Page:
        body = self._search(self.name(index, using), queries.more_like(index, key, size))
        return answers.page(index, body, 1, size)

    def raw(self, index: SearchDeclaration, query: Mapping[str, Any], *, using: str) -> Any:
        return self._search(self.name(index, using), query)

    def _search(self, place: str, body: Mapping[str, Any], params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask for hits.

        Raises:
            InvalidQuery: the engine does not understand what it was asked.
            SinkUnavailable: it does not answer, or not for all shards.
        """
        answer = self.connection.ask(
            "POST", f"/{place}/_search", body, params={**WHOLE, **(params or {})}, allow=(400, 404)
        )
        if answer.status == 404:
            raise self.connection.unavailable(f"has no {quoted(place)} yet: run manage.py search_index --create.")
        if answer.status == 400:
            raise InvalidQuery(f"{self.connection.product} refuses the query: {reason_of(answer.body)}")
        found: dict[str, Any] = answer.body
        failed = found.get("_shards", {}).get("failed")
        if failed or found.get("timed_out"):
            failures = found.get("_shards", {}).get("failures") or [{}]
            raise self.connection.unavailable(
                f"has not searched all of {quoted(place)}: {failed or 0} shards failed,"
                f" {reason_of(failures[0].get('reason', 'in time'))}"
            )
        return found

    # Audit

    def stored_after(self, index: SearchDeclaration, key: str | None, size: int, *, using: str) -> list[Stored]:
        """Of the columns of values, which an engine reads much faster than documents."""
        body: dict[str, Any] = {
            "size": size,
            "sort": [{KEY: "asc"}],
            "track_total_hits": False,
            "stored_fields": "_none_",
            "docvalue_fields": [DIGEST],
        }
        if key is not None:
            body["search_after"] = [key]
        params = {"filter_path": "_shards.failed,_shards.failures,timed_out,hits.hits.sort,hits.hits.fields"}
        found = self._search(self.generations(index, using).all, body, params)
        return answers.columns(found.get("hits", {}).get("hits", ()))

    def how_many(self, index: SearchDeclaration, keys: Sequence[str], *, using: str) -> int:
        body = {"query": {"terms": {KEY: list(keys)}}, "size": 0, "track_total_hits": True}
        return int(self._search(self.name(index, using), body)["hits"]["total"]["value"])

    def _slice(self, place: str, after: str | None, size: int, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The next documents in the order of their keys, with their versions."""
        body: dict[str, Any] = {
            "query": query,
            "size": size,
            "sort": [{KEY: "asc"}],
            "version": True,
            "track_total_hits": False,
            "_source": [DIGEST, DELETED],
        }
        if after is not None:
            body["search_after"] = [after]
        hits: list[dict[str, Any]] = self._search(place, body)["hits"]["hits"]
        return hits

    def stored(self, index: SearchDeclaration, keys: Iterable[str], *, using: str) -> list[Stored]:
        wanted = list(keys)
        if not wanted:
            return []
        place, params = self.generations(index, using).all, {"_source_includes": f"{DIGEST},{DELETED}"}
        body = self.connection.ask("POST", f"/{place}/_mget", {"ids": wanted}, params=params).body
        for one in body["docs"]:
            if "error" in one:
                raise self.connection.unavailable(f"cannot read {quoted(place)}: {reason_of(one)}")
        return answers.stored(body["docs"])

    # For operators

    def check(self, index: SearchDeclaration) -> list[CheckMessage]:
        found: list[CheckMessage] = []
        length = len(f"{self.options.PREFIX}{index.name}".encode()) + 9
        if length > LONGEST_NAME:
            sentence = f"{index.label}: its name on the engine has {length} bytes, of which {LONGEST_NAME} fit."
            hint = f"Shorten {NAME}['PREFIX'], or the name of the attribute."
            found.append(Error(sentence, hint=hint, obj=index.model, id="notifications_counter.E134"))
        if any(_is_open(url) for url in self.connection.urls):
            sentence = f"{NAME}['URL'] sends a password over http://, where others can read it."
            found.append(Warning(sentence, hint="Use https://.", id="notifications_counter.W134"))
        return found

    def status(self, index: SearchDeclaration, *, using: str) -> dict[str, Any]:
        generations = self.generations(index, using)
        state = generations.state()
        found: dict[str, Any] = {"documents": 0, "tombstones": 0}
        if state.live:
            found["documents"] = self._count(generations.name, {"match_all": {}})
            found["tombstones"] = self._count(generations.all, {"term": {DELETED: True}})
            is_current = generations.about(state.live).get("fingerprint") == fingerprint(index)
            found["mapping"] = "current" if is_current else "outdated: run manage.py search_index --rebuild"
        found |= {
            "server": ".".join(map(str, self.connection.version)),
            "index": state.live,
            "previous": state.previous,
        }
        if state.others:
            found["being built"] = ", ".join(state.others)
        return found

    def _count(self, place: str, query: Mapping[str, Any]) -> int:
        return int(self.connection.ask("POST", f"/{place}/_count", {"query": query}).body["count"])


def _is_open(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.password is not None and parts.hostname not in LOCAL
