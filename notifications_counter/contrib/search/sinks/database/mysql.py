"""MariaDB and MySQL: FULLTEXT indexes of InnoDB, in which a transaction finds rows only after its commit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from .rows import CLASSES
from .vendor import TABLE, Parameters, Terms, Vendor

if TYPE_CHECKING:
    from ...index import SearchIndex

#: InnoDB makes one full text index at a time.
INDEXES = {
    "nc_search_text": f"CREATE FULLTEXT INDEX nc_search_text ON {TABLE} ({', '.join(CLASSES)})",
    "nc_search_words": f"CREATE FULLTEXT INDEX nc_search_words ON {TABLE} (words)",
    "nc_search_walk": f"CREATE INDEX nc_search_walk ON {TABLE} (index_name, popularity)",
}

EXISTING = (
    "SELECT DISTINCT index_name FROM information_schema.statistics"
    f" WHERE table_schema = DATABASE() AND table_name = '{TABLE}'"
)

#: As what JSON_TABLE reads values: an integer of 64 bits and a price are exact in it.
TYPES = {"number": "DECIMAL(65, 20)", "boolean": "DECIMAL(65, 20)"}

#: Words of less than three letters and frequent ones, such as "the", are not indexed by default, and not found: with
#: this in front no word is short, and none is in the server's list.
MARK = "zz"

ALL_TEXTS = ", ".join(f"d.{name}" for name in CLASSES)


class MySQL(Vendor):
    # A statement must fit into max_allowed_packet.
    batch_size: ClassVar[int | None] = 50

    def is_installed(self) -> bool:
        return self._existing() >= INDEXES.keys()

    def install(self) -> None:
        existing = self._existing()
        self.run(*(statement for name, statement in INDEXES.items() if name not in existing))

    def _existing(self) -> set[str]:
        return {name for (name,) in self.rows(EXISTING, {})}

    def written(self, word: str) -> str:
        return MARK + "".join(sign for sign in word if sign.isalnum())  # other signs would part it

    def matches(self, index: SearchIndex, terms: Terms, p: Parameters) -> str:
        return f"MATCH ({ALL_TEXTS}) AGAINST ({p.add(self._all(terms))} IN BOOLEAN MODE)"

    def scored(self, index: SearchIndex, terms: Terms, p: Parameters) -> tuple[str, str]:
        return "", self.matches(index, terms, p)

    def has_words(self, terms: Terms, p: Parameters) -> str:
        return f"MATCH (d.words) AGAINST ({p.add(self._all(terms))} IN BOOLEAN MODE)"

    def alike(self, index: SearchIndex, words: Sequence[str], p: Parameters) -> tuple[str, str, str]:
        asked = " ".join(self.written(word) for word in words)
        condition = f"MATCH ({ALL_TEXTS}) AGAINST ({p.add(asked)} IN NATURAL LANGUAGE MODE)"
        return condition, "", condition

    def _all(self, terms: Terms) -> str:
        """An expression of the boolean mode. Words are letters and digits alone."""
        return " ".join(f"+({' '.join(self._word(word, is_prefix) for word in words)})" for words, is_prefix in terms)

    def _word(self, word: str, is_prefix: bool) -> str:
        return f"{self.written(word)}{'*' * is_prefix}"

    def elements(self, name: str, kind: str) -> str:
        type = TYPES.get(kind, "LONGTEXT CHARACTER SET utf8mb4")
        return f"JSON_TABLE(d.filterable, '$.\"{name}\"[*]' COLUMNS (value {type} PATH '$')) e"

    def first(self, name: str, kind: str) -> str:
        value = f"JSON_VALUE(d.filterable, '$.\"{name}\"[0]')"
        return f"CAST({value} AS {TYPES[kind]})" if kind in TYPES else f"{value} COLLATE utf8mb4_bin"

    def compared(self, kind: str) -> str:
        # Otherwise "shoe" and "Shoe" would be one keyword.
        return "e.value" if kind in TYPES else "e.value COLLATE utf8mb4_bin"

    def found(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            return int(value) if value == value.to_integral_value() else float(value)
        return value
