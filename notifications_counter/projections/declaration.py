"""What a projection says: of which rows it has documents, what is in them, and where they go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db import models, router

from ..compat.uncached import rows_of
from ..exceptions import InvalidSettings, unknown
from .documents import Outcome, Sink
from .keys import PrimaryKey
from .links import Link

_projections: dict[str, Projection] = {}


def projections() -> list[Projection]:
    """All projections of installed models, by label."""
    return [one for _, one in sorted(_projections.items()) if one.model._meta.app_label in apps.app_configs]


def get_projection(label: str) -> Projection:
    """The projection with a label, ``app.Model.attribute``.

    Raises:
        InvalidSettings: there is none.
    """
    found = {one.label: one for one in projections()}
    if label not in found:
        raise InvalidSettings(unknown("projection", label, list(found)))
    return found[label]


def register(projection: Projection) -> None:
    """Make a projection known, in place of one with the same label."""
    _projections[projection.label] = projection


def unregister(projection: Projection) -> None:
    """Forget a projection, for tests."""
    _projections.pop(projection.label, None)


class Projection(ABC):
    """Documents of a model's rows, which a sink is given whenever they, or what they are made of, have changed.

    Attributes:
        model: whose rows they are.
        label: what it is called: ``app.Model.attribute``.
        using: the alias of the database that the rows are in; None where the router says it.
        capture: how changes become known: ``"signals"``, or ``"triggers"`` of the database.
    """

    model: type[models.Model]
    label: str
    using: str | None = None
    capture: str = "signals"
    #: How many documents are sent at once.
    chunk_size: int = 500

    @property
    @abstractmethod
    def sink(self) -> Sink:
        """Where the documents go."""

    @abstractmethod
    def columns(self) -> Iterable[str]:
        """The names of those of the model's own columns that documents are made of."""

    @abstractmethod
    def links(self) -> Iterable[tuple[Link, Iterable[str]]]:
        """How rows of other models lead to those of this one, each with the columns that documents are made of."""

    @abstractmethod
    def query(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Those of some rows that have documents, with what they are made of."""

    @abstractmethod
    def body(self, row: Any) -> dict[str, Any]:
        """The document of a row, of JSON values."""

    def read_columns(self, rows: models.QuerySet[Any], using: str) -> tuple[dict[str, Any], list[Outcome]] | None:
        """The bodies of those of some rows that have documents, by their keys, and why there is none of others.

        None where they cannot be made without an instance of each row; then ``query`` and ``body`` are asked.
        """
        return None

    def prepare(self, rows: Sequence[Any], using: str) -> None:  # noqa: B027 - nothing is looked up by itself
        """Look up, for many rows at once, what ``body`` needs beside them."""

    def after_flush(self, sender: Any) -> None:  # noqa: B027
        """What each flush does when all was sent, such as a part of an audit; nothing here."""

    @cached_property
    def key(self) -> PrimaryKey:
        """The primary key."""
        return PrimaryKey(self.model)

    def alias(self) -> str:
        """The database that the rows are in."""
        return self.using or str(router.db_for_write(self.model))

    def rows(self, using: str) -> models.QuerySet[Any]:
        """All rows, whatever managers leave out, and past all caches of queries."""
        return rows_of(self.model, using)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label}>"
