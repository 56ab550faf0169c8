"""A sink that holds its documents in this process, by the rules of external versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from notifications_counter.contrib.search.results import Page, Query, Stored, Suggestion
from notifications_counter.contrib.search.sinks.base import DIGEST, SearchSink
from notifications_counter.projections.documents import Document, Outcome, SinkUnavailable

from .models import Item


class MemorySink(SearchSink):
    """For tests of what leads to a sink."""

    #: Name of a target -> key -> the newest document.
    held: dict[str, dict[str, Document]] = {}
    live: dict[str, str] = {}
    is_away = False
    refuses: set[str] = set()
    sent = 0

    @classmethod
    def clear(cls) -> None:
        cls.held, cls.live, cls.is_away, cls.refuses, cls.sent = {}, {}, False, set(), 0

    @classmethod
    def documents(cls, index: Any = None) -> dict[str, Any]:
        """What a search would find."""
        return {key: one.body for key, one in cls.kept(index).items() if one.body is not None}

    @classmethod
    def kept(cls, index: Any = None) -> dict[str, Document]:
        """Of the items, where no index is named, the newest documents by key."""
        return cls.held.get(cls.live.get((index or Item.search).name, ""), {})

    def send(
        self, projection: Any, documents: Sequence[Document], *, using: str, target: str | None = None
    ) -> list[Outcome]:
        if self.is_away:
            raise SinkUnavailable("The sink of the test is away.")
        place = self.held[target] if target else self.kept(projection)
        found = []
        for one in documents:
            if one.key in self.refuses:
                found.append(Outcome(one.key, refused="the test refuses it"))
                continue
            if one.key not in place or place[one.key].version < one.version:
                place[one.key] = one
            type(self).sent += 1
            found.append(Outcome(one.key))
        return found

    def begin_rebuild(self, index: Any, *, using: str, identity: str) -> str:
        if self.is_away:
            raise SinkUnavailable("The sink of the test is away.")
        name = f"{index.name}-{len(self.held)}"
        self.held[name] = {}
        return name

    def finish_rebuild(self, index: Any, target: str, *, using: str) -> None:
        self.live[index.name] = target

    def purge(self, index: Any, before: datetime, *, using: str) -> int:
        return 0

    def refresh(self, index: Any, *, using: str) -> None:
        pass

    def search(self, index: Any, query: Query, *, using: str) -> Page:
        return Page([], 0)

    def suggest(self, index: Any, prefix: str, *, size: int, using: str) -> list[Suggestion]:
        return []

    def stored_after(self, index: Any, key: str | None, size: int, *, using: str) -> list[Stored]:
        keys = sorted(one for one in self.kept(index) if key is None or one > key)
        return self.stored(index, keys[:size], using=using)

    def stored(self, index: Any, keys: Iterable[str], *, using: str) -> list[Stored]:
        found = [self.kept(index)[key] for key in keys if key in self.kept(index)]
        return [Stored(one.key, one.version, one.body[DIGEST] if one.body else None) for one in found]
