"""What a search index says of itself: all that those need to know of it that read, ask and write."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models

from ...ledger.identity import of_alias
from ...projections.declaration import Projection
from .conf import search_settings

if TYPE_CHECKING:
    from ...counters import Counter


class SearchDeclaration(Projection):
    """The declaration; ``SearchIndex`` adds what is done with it."""

    fields: Mapping[str, Any] = {}
    related: Mapping[Any, str] = {}
    filter: models.Q | None = None
    popularity: str | Counter | None = None
    language: str = "simple"
    source: Any = None
    #: The name of the attribute of its model.
    attribute: str
    #: What makes the document of a row, in place of ``document``.
    own_document: Callable[[Any], Mapping[str, Any]] | None = None
    #: Whether a function of the site makes the documents, so that any column may matter.
    is_custom: bool = False

    @abstractmethod
    def document(self, row: Any) -> Mapping[str, Any]:
        """The document of a row: field -> value, or list of values."""

    @property
    def label(self) -> str:  # type: ignore[override]
        """What it is called: ``app.Model.attribute``."""
        return f"{self.model._meta.label}.{self.attribute}"

    @property
    def name(self) -> str:
        """What its documents are kept under: lower-case letters, digits and underscores."""
        return self.label.lower().replace(".", "_")

    def name_of(self, using: str) -> str:
        """The same, with who the database is: a copy, such as that of a test, has an index of its own."""
        return f"{self.name}-{(of_alias(using) or 'unknown')[:8]}"

    @property
    def chunk_size(self) -> int:  # type: ignore[override]
        """How many documents are sent at once."""
        return search_settings().CHUNK_SIZE

    @property
    def has_popularity(self) -> bool:
        """Whether documents say how popular they are."""
        return self.popularity is not None

    @cached_property
    def related_models(self) -> dict[type[models.Model], str]:
        """The models whose changes matter, with the paths that lead to them.

        Raises:
            LookupError: there is no model of a name.
        """
        return {apps.get_model(one) if isinstance(one, str) else one: path for one, path in self.related.items()}
