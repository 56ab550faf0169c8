"""What is asked of a sink, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString


@dataclass(frozen=True)
class Query:
    """A search, checked.

    Attributes:
        text: words, of which each must be found; empty for all documents.
        filters: field -> what it must be: one value; a list of values, of which it must be one; or a dictionary with
            ``gt``, ``gte``, ``lt`` and ``lte``. Values are as ``SearchIndex.value`` makes them.
        page: from 1.
        size: how many hits a page has.
        order: the field to sort by, with a minus in front for the greatest first; None for the best first.
        facets: the fields of which the most frequent values are counted.
        highlight: whether hits say where the words were found.
        typos: whether words may differ by a letter or two.
    """

    text: str = ""
    filters: Mapping[str, Any] = field(default_factory=dict)
    page: int = 1
    size: int = 20
    order: str | None = None
    facets: Sequence[str] = ()
    highlight: bool = False
    typos: bool = False

    @property
    def offset(self) -> int:
        """How many hits are on the pages before."""
        return (self.page - 1) * self.size


@dataclass(frozen=True)
class Hit:
    """A document that was found.

    Attributes:
        key: the row's primary key, as text.
        document: the document.
        score: how well it matches; only of use beside those of the same search.
        highlights: field -> passages of its text, escaped, with what was found in ``<mark>``.
    """

    key: str
    document: Mapping[str, Any]
    score: float = 0.0
    highlights: Mapping[str, Sequence[SafeString]] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """One page of what a search has found.

    Attributes:
        hits: the hits.
        total: how many there are on all pages, exactly.
        number: which page it is, from 1.
        size: how many hits a page has.
        facets: field -> its most frequent values and how many of all hits have each.
    """

    hits: Sequence[Hit]
    total: int
    number: int = 1
    size: int = 20
    facets: Mapping[str, Sequence[tuple[Any, int]]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    @property
    def pages(self) -> int:
        """How many pages there are; 1 where nothing was found."""
        return max(1, -(-self.total // self.size))

    @property
    def has_next(self) -> bool:
        """Whether there is a page after this one."""
        return self.number < self.pages

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before this one."""
        return self.number > 1


@dataclass(frozen=True)
class Suggestion:
    """What somebody may be about to type.

    Attributes:
        text: the text.
        key: the primary key of a row that has it, as text.
        popularity: by what suggestions are ranked.
    """

    text: str
    key: str
    popularity: float = 0


@dataclass(frozen=True)
class Stored:
    """What an index has of a row, for the audit.

    Attributes:
        key: the row's primary key, as text.
        version: of the document; 0 where the sink has none, or has not looked.
        digest: of the document; None of a tombstone.
    """

    key: str
    version: int
    digest: str | None
