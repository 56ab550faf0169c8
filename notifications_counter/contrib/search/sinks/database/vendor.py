"""What each database must be able to say; what is standard SQL is here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper

from .....compat.uncached import rows_of
from ...models import SearchDocument
from .rows import CLASSES

if TYPE_CHECKING:
    from ...index import SearchIndex

#: What documents are called in every statement.
TABLE = SearchDocument._meta.db_table

#: Comparisons of a filter between bounds.
BOUNDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

#: What of a row is replaced by a newer document.
REPLACED = ("body", "filterable", *CLASSES, "words", "popularity", "digest", "version")

#: For each word that must be found: the words of which any will do, and whether a word's beginning is enough.
Terms = Sequence[tuple[Sequence[str], bool]]


class Parameters(dict[str, Any]):
    """The parameters of a statement: no value ever becomes a part of its text."""

    def add(self, value: Any) -> str:
        """The placeholder of a value."""
        name = f"p{len(self)}"
        self[name] = value
        return f"%({name})s"


class Vendor:
    """One database's full text search, and its way to look into JSON.

    Args:
        connection: the database.
    """

    #: Documents in one statement; None for all that are sent at once.
    batch_size: ClassVar[int | None] = None
    supports_more_like: ClassVar[bool] = True

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.table = connection.ops.quote_name(TABLE)
        #: The column of keys, whose name is a word of SQL in some databases.
        self.key = connection.ops.quote_name("key")

    # Structures

    def is_installed(self) -> bool:
        """Whether all that full text search needs is there, beside the table of documents."""
        raise NotImplementedError

    def install(self) -> None:
        """Make what is missing of it, and fill it from the documents that are there."""
        raise NotImplementedError

    def verify(self) -> bool:
        """Whether the full text holds what the documents do; where it can differ it is made anew."""
        return True

    # Writing

    def written(self, word: str) -> str:
        """A word as it is in the texts of the table."""
        return word

    def write(self, index: SearchIndex, rows: Sequence[SearchDocument]) -> None:
        """Insert documents, or replace those that are there."""
        # MariaDB and MySQL take whichever unique key there is.
        unique = ["index_name", "key"] if self.connection.features.supports_update_conflicts_with_target else None
        rows_of(SearchDocument, self.connection.alias).bulk_create(
            rows, batch_size=self.batch_size, update_conflicts=True, update_fields=REPLACED, unique_fields=unique
        )

    # Full text: SQL conditions on the document ``d``

    def matches(self, index: SearchIndex, terms: Terms, p: Parameters) -> str:
        """The condition that a document has all words."""
        raise NotImplementedError

    def scored(self, index: SearchIndex, terms: Terms, p: Parameters) -> tuple[str, str]:
        """A join, where one is needed, and how well a document matches, the greater the better."""
        raise NotImplementedError

    def has_words(self, terms: Terms, p: Parameters) -> str:
        """The condition that the texts for autocomplete have all words, by the full text."""
        raise NotImplementedError

    def words_like(self, terms: Terms, p: Parameters) -> str:
        """The same condition, by looking at a row alone."""
        found = []
        for words, is_prefix in terms:
            # A word has neither a percent sign nor an underscore.
            likes = (p.add(f"% {self.written(word)}{'' if is_prefix else ' '}%") for word in words)
            found.append(f"({' OR '.join(f'd.words LIKE {like}' for like in likes)})")
        return " AND ".join(found)

    def matching(self, index: SearchIndex, terms: Terms, words: Set[str]) -> set[str]:
        """Those of some words, folded, that the terms of a search find."""
        return {word for word in words for wanted, _ in terms if word in wanted}

    def alike(self, index: SearchIndex, words: Sequence[str], p: Parameters) -> tuple[str, str, str]:
        """The condition that a document has any of some words; and as ``scored``, how well it matches."""
        raise NotImplementedError

    # Values: lists in the column ``filterable``

    def elements(self, name: str, kind: str) -> str:
        """A field's values as a table ``e`` with a column ``value``."""
        raise NotImplementedError

    def first(self, name: str, kind: str) -> str:
        """A field's first value, to sort by."""
        raise NotImplementedError

    def value(self, given: Any, p: Parameters) -> str:
        """A value to compare elements with."""
        return p.add(int(given) if isinstance(given, bool) else given)

    def compared(self, kind: str) -> str:
        """An element as it is compared."""
        return "e.value"

    def found(self, value: Any) -> Any:
        """An element as Python has it."""
        return value

    def any_of(self, name: str, kind: str, values: Iterable[Any], p: Parameters) -> str:
        """The condition that a field has one of some values."""
        listed = ", ".join(self.value(value, p) for value in values)
        return self._exists(name, kind, f"{self.compared(kind)} IN ({listed})") if listed else "1 = 0"

    def between(self, name: str, kind: str, bounds: Mapping[str, Any], p: Parameters) -> str:
        """The condition that a value of a field is between bounds."""
        within = " AND ".join(
            f"{self.compared(kind)} {BOUNDS[bound]} {self.value(value, p)}" for bound, value in bounds.items()
        )
        return self._exists(name, kind, within)

    def is_empty(self, name: str, kind: str) -> str:
        """The condition that a field has no value."""
        return f"NOT {self._exists(name, kind, '1 = 1')}"

    def _exists(self, name: str, kind: str, condition: str) -> str:
        return f"EXISTS (SELECT 1 FROM {self.elements(name, kind)} WHERE {condition})"

    # Statements

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    def run(self, *statements: str) -> None:
        """Execute statements without parameters."""
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
