"""What every sink of a search index does, and what not every one can."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.checks import CheckMessage

from ....projections.documents import Document, Outcome, Sink

if TYPE_CHECKING:
    from ..declaration import SearchDeclaration
    from ..results import Page, Query, Stored, Suggestion

#: What a document has beside the index's fields. ``nc_popularity`` ranks suggestions.
DIGEST, DELETED, POPULARITY = "nc_digest", "nc_deleted", "nc_popularity"


class SearchSink(Sink):
    """Holds the documents of search indexes, and finds them.

    Args:
        options: the settings ``NOTIFICATIONS_COUNTER["SEARCH"]``, without the name of the sink.
    """

    supports_highlighting: ClassVar[bool] = False
    supports_typos: ClassVar[bool] = False
    supports_more_like: ClassVar[bool] = False
    #: Whether ``raw`` takes a query in a language of the sink's own.
    supports_raw: ClassVar[bool] = False
    #: Whether a rebuild writes beside what is read, and can be taken back.
    supports_rollback: ClassVar[bool] = False

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def send(
        self, projection: SearchDeclaration, documents: Sequence[Document], *, using: str, target: str | None = None
    ) -> list[Outcome]: ...

    def supports(self, what: str, using: str) -> bool:
        """Whether it can do something where the rows are in a database.

        Args:
            what: "highlighting", "typos", "more_like", "raw" or "rollback".
            using: the alias of that database.
        """
        return bool(getattr(self, f"supports_{what}"))

    # Life of an index

    @abstractmethod
    def begin_rebuild(self, index: SearchDeclaration, *, using: str, identity: str) -> str:
        """Make room for all documents anew, beside what is read where the sink can.

        Args:
            identity: whose documents they will be.

        Returns:
            The name of it, for ``send`` and the two methods below. One that was begun and not ended is dropped.
        """

    @abstractmethod
    def finish_rebuild(self, index: SearchDeclaration, target: str, *, using: str) -> None:
        """Read from it from now on, at one moment, and keep what was read before for ``rollback``."""

    def rollback(self, index: SearchDeclaration, *, using: str) -> None:
        """Read again what was read before the last rebuild. What has changed since is sent by the caller."""
        raise NotImplementedError(f"{type(self).__name__} says supports_rollback = False")

    @abstractmethod
    def purge(self, index: SearchDeclaration, before: datetime, *, using: str) -> int:
        """Remove the tombstones of before a moment; how many."""

    @abstractmethod
    def refresh(self, index: SearchDeclaration, *, using: str) -> None:
        """Let searches find what was sent, at once."""

    # Reading

    @abstractmethod
    def search(self, index: SearchDeclaration, query: Query, *, using: str) -> Page:
        """The page of a search."""

    @abstractmethod
    def suggest(self, index: SearchDeclaration, prefix: str, *, size: int, using: str) -> list[Suggestion]:
        """Texts of the fields for autocomplete of which any word begins so, the most popular first."""

    def more_like(self, index: SearchDeclaration, key: str, *, size: int, using: str) -> Page:
        """Documents that have many words in common with a row's, without itself."""
        raise NotImplementedError(f"{type(self).__name__} says supports_more_like = False")

    def raw(self, index: SearchDeclaration, query: Mapping[str, Any], *, using: str) -> Any:
        """What the sink answers to a query of its own language, without tombstones."""
        raise NotImplementedError(f"{type(self).__name__} says supports_raw = False")

    # Audit

    @abstractmethod
    def stored_after(self, index: SearchDeclaration, key: str | None, size: int, *, using: str) -> list[Stored]:
        """What searches find of the next rows, or of tombstones too, in the order of keys as texts, by code point.

        Args:
            key: where the last slice ended; None for the first.
        """

    def how_many(self, index: SearchDeclaration, keys: Sequence[str], *, using: str) -> int:
        """Of how many of some rows searches find a document."""
        return sum(one.digest is not None for one in self.stored(index, keys, using=using))

    @abstractmethod
    def stored(self, index: SearchDeclaration, keys: Iterable[str], *, using: str) -> list[Stored]:
        """The same of some rows, as it is now, whatever searches find yet."""

    def mend(self, index: SearchDeclaration, *, using: str) -> list[str]:
        """Look whether what the sink searches by agrees with its documents, and make it anew where it does not.

        Returns:
            What was wrong, a sentence each.
        """
        return []

    # For operators

    def check(self, index: SearchDeclaration) -> list[CheckMessage]:
        """What is wrong with the settings, or with what the index asks for."""
        return []

    def status(self, index: SearchDeclaration, *, using: str) -> dict[str, Any]:
        """What ``search_index --status`` shows: at least ``documents`` and ``tombstones``."""
        found = {"documents": 0, "tombstones": 0}
        return found
