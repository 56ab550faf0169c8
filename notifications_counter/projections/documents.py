"""What is sent to a sink, and what a sink makes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..exceptions import CounterError


class SinkUnavailable(CounterError):
    """A sink cannot be reached, or takes nothing for now. What it was to be given stays pending."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a row has become.

    Attributes:
        key: the row's primary key, as text.
        version: of two documents of one row the one with the greater version was read later.
        body: the document; None where the row is gone, or is none that the projection has documents of.
    """

    key: str
    version: int
    body: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sink made of one document.

    Attributes:
        key: the document's key.
        refused: why the sink will never take this document, a sentence; None where it will not have to be told again.
        retry: whether the document was not taken for now, and must be sent again.
    """

    key: str
    refused: str | None = None
    retry: bool = False


class Sink(ABC):
    """Where the documents of a projection go."""

    #: Whether it lives in the database of the rows, and is written in the change's own transaction.
    in_transaction: ClassVar[bool] = False

    @abstractmethod
    def send(
        self, projection: Any, documents: Sequence[Document], *, using: str, target: str | None = None
    ) -> list[Outcome]:
        """Take documents. One that is older than what the sink has of its row is done with, without an effect.

        Args:
            projection: whose documents they are.
            documents: no two of the same key.
            using: the alias of the database that the rows are in.
            target: what ``begin_rebuild`` has returned, to write there; else what is read.

        Returns:
            One outcome for each document, in any order.

        Raises:
            SinkUnavailable: nothing, or not all, could be sent: all of it stays pending.
        """

    @abstractmethod
    def begin_rebuild(self, projection: Any, *, using: str, identity: str) -> str:
        """Make room for all documents anew, beside what is read where the sink can.

        Args:
            projection: whose documents they will be.
            using: the alias of the database that the rows are in.
            identity: who that database is.

        Returns:
            The name of it, for ``send`` and ``finish_rebuild``. One that was begun and not ended is dropped.

        Raises:
            SinkUnavailable: the sink cannot be reached.
        """

    @abstractmethod
    def finish_rebuild(self, projection: Any, target: str, *, using: str) -> None:
        """Read the documents that were made anew from now on, at one moment.

        Raises:
            SinkUnavailable: the sink cannot be reached.
        """
