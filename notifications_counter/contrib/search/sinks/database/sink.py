"""The sink in the database of the rows: it needs no other server, and follows changes in their own transactions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.checks import CheckMessage
from django.db import connections, transaction

from .....compat.uncached import rows_of
from .....exceptions import quoted
from .....projections.documents import Document, Outcome
from ...models import SearchDocument, SearchWord
from ...results import Page, Query, Stored, Suggestion
from ..base import SearchSink
from . import suggesting, vocabulary
from .installing import install, is_installed, vendor_of
from .rows import refusal, row_of
from .searching import Search, more_like

if TYPE_CHECKING:
    from ...index import SearchIndex

#: Documents whose rows are looked for at once, at the end of a rebuild.
SLICE = 1000


class DatabaseSink(SearchSink):
    """Holds the documents in a table beside the rows: PostgreSQL, SQLite, MariaDB or MySQL."""

    in_transaction: ClassVar[bool] = True
    supports_highlighting: ClassVar[bool] = True
    supports_typos: ClassVar[bool] = True
    supports_more_like: ClassVar[bool] = True

    def supports(self, what: str, using: str) -> bool:
        if what == "more_like":
            return vendor_of(using).supports_more_like
        return super().supports(what, using)

    # Writing

    def send(
        self, projection: SearchIndex, documents: Sequence[Document], *, using: str, target: str | None = None
    ) -> list[Outcome]:
        refused = {one.key: reason for one in documents if (reason := refusal(one))}
        gone = [one.key for one in documents if one.body is None or one.key in refused]
        kept = sorted((one for one in documents if one.body is not None and one.key not in refused), key=_by_key)
        with transaction.atomic(using=using, savepoint=False):
            if gone:
                self._documents(projection, using).filter(key__in=gone).delete()
            if kept:
                vendor = vendor_of(using)
                rows = [row_of(projection, one, vendor.written) for one in kept]
                vendor.write(projection, rows)
                vocabulary.add(projection, rows, using)
        return [Outcome(one.key, refused=refused.get(one.key)) for one in documents]

    def _documents(self, index: SearchIndex, using: str) -> Any:
        return rows_of(SearchDocument, using).filter(index_name=index.name)

    # Life of an index

    def exists(self, index: SearchIndex, *, using: str) -> bool:
        return is_installed(using)

    def create(self, index: SearchIndex, *, using: str) -> None:
        install(using)

    def is_own(self, index: SearchIndex, *, using: str, identity: str) -> bool:
        return True  # whoever copies the database copies the documents of the same moment

    def begin_rebuild(self, index: SearchIndex, *, using: str, identity: str) -> str:
        """Documents are replaced in place; searches go on meanwhile."""
        install(using)
        vocabulary.forget(index, using)
        return index.name

    def finish_rebuild(self, index: SearchIndex, target: str, *, using: str) -> None:
        """Remove the documents whose rows are gone: all others have been replaced."""
        after: str | None = ""
        while after is not None:
            after = self._sweep(index, after, using)

    def _sweep(self, index: SearchIndex, after: str, using: str) -> str | None:
        """Remove such documents of a slice; where it ended, None after the last one."""
        with transaction.atomic(using=using):
            # Whoever writes one of them at this moment has committed when they are locked, so that the row is seen.
            rows = self._documents(index, using).filter(key__gt=after).order_by("key").select_for_update()
            keys = list(rows.values_list("key", flat=True)[:SLICE])
            values = {index.key.value(key): key for key in keys}
            there = set(index.rows(using).filter(pk__in=list(values)).values_list("pk", flat=True))
            gone = [key for value, key in values.items() if value not in there]
            self._documents(index, using).filter(key__in=gone).delete()
        return keys[-1] if keys else None

    def purge(self, index: SearchIndex, before: datetime, *, using: str) -> int:
        """There are no tombstones. At the end of an audit SQLite's full text is compared with the documents."""
        self.verify(using)
        return 0

    def verify(self, using: str) -> bool:
        """Whether the full text holds what the documents do; where it does not, it is made anew."""
        return vendor_of(using).verify()

    def refresh(self, index: SearchIndex, *, using: str) -> None:
        """Nothing: what is committed is found."""

    # Reading

    def search(self, index: SearchIndex, query: Query, *, using: str) -> Page:
        return Search(vendor_of(using), index, query).page()

    def suggest(self, index: SearchIndex, prefix: str, *, size: int, using: str) -> list[Suggestion]:
        return suggesting.suggest(vendor_of(using), index, prefix, size)

    def more_like(self, index: SearchIndex, key: str, *, size: int, using: str) -> Page:
        row = self._documents(index, using).filter(key=key).first()
        return more_like(vendor_of(using), index, key, row.body, size) if row else Page([], 0, 1, size)

    # Audit

    def stored_after(self, index: SearchIndex, key: str | None, size: int, *, using: str) -> list[Stored]:
        rows = self._documents(index, using).order_by("key")
        return _stored(rows if key is None else rows.filter(key__gt=key), size)

    def stored(self, index: SearchIndex, keys: Iterable[str], *, using: str) -> list[Stored]:
        return _stored(self._documents(index, using).filter(key__in=list(keys)))

    # For operators

    def check(self, index: SearchIndex) -> list[CheckMessage]:
        return []

    def status(self, index: SearchIndex, *, using: str) -> dict[str, Any]:
        return {
            "documents": self._documents(index, using).count(),
            "tombstones": 0,
            "words": rows_of(SearchWord, using).filter(index_name=index.name).count(),
            "database": connections[using].display_name,
            "full text": "installed"
            if is_installed(using)
            else f"missing: run manage.py migrate --database {quoted(using)}",
        }


def _by_key(document: Document) -> str:
    return document.key


def _stored(rows: Any, size: int | None = None) -> list[Stored]:
    return [Stored(*found) for found in rows.values_list("key", "version", "digest")[:size]]
