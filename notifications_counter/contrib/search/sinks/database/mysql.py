"""MariaDB and MySQL: full-text indexes of InnoDB, which see rows as soon as they are committed, and not before.

Each word is stored with two letters in front, so that none is too short to be indexed, nor one of those that are left
out. https://mariadb.com/kb/en/full-text-index-overview/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .dialect import OPERATORS, TABLE, Dialect, Part, as_json
from .words import CLASSES, Asked

if TYPE_CHECKING:
    from ...declaration import SearchDeclaration

WORDS = ", ".join(f"words_{one}" for one in CLASSES)
INDEXES = {"nc_search_words": WORDS, "nc_search_names": "names"}

#: Exact for integers of 64 bits too, as a double precision number is not.
NUMBER = "DECIMAL(65,20)"

#: What every word begins with.
PREFIX = "nc"


class MySQLDialect(Dialect):
    """MariaDB and MySQL."""

    def install(self) -> bool:
        there = {
            name
            for (name,) in self.rows(
                "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS"
                " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s",
                [TABLE],
            )
        }
        for name, columns in INDEXES.items():
            if name not in there:
                self.execute(f"CREATE FULLTEXT INDEX {name} ON {TABLE} ({columns})")
        return False

    @staticmethod
    def stored(text: str) -> str:
        """Words as they are stored."""
        return " ".join(f"{PREFIX}{word}" for word in text.split())

    def match(self, index: SearchDeclaration, words: Sequence[str], every: bool = True) -> tuple[Part, Part, Part]:
        sign = "+" if every else ""
        asked = " ".join(f"{sign}{PREFIX}{word}" for word in words)
        sql = f"MATCH ({', '.join(self.columns())}) AGAINST (%s IN BOOLEAN MODE)"
        return Part(), Part(sql, [asked]), Part(sql, [asked])

    def names(self, index: SearchDeclaration, asked: Asked, size: int) -> Iterable[tuple[Part, Part, int]]:
        wanted = " ".join([*(f"+{PREFIX}{word}" for word in asked.words), f"+{PREFIX}{asked.last[0]}*"])
        yield Part(f"{self.table} d"), Part("MATCH (d.names) AGAINST (%s IN BOOLEAN MODE)", [wanted]), size

    def has(self, name: str, values: Sequence[Any]) -> Part:
        each = f"JSON_CONTAINS(d.exact, %s, '$.{name}')"
        return Part(f"({' OR '.join([each] * len(values))})", [as_json(one) for one in values])

    def between(self, name: str, kind: str, bounds: Mapping[str, Any]) -> Part:
        join, value = self._table(name, kind)
        conditions = " AND ".join(f"{value} {OPERATORS[one]} %s" for one in bounds)
        return Part(f"EXISTS (SELECT 1 FROM {join} WHERE {conditions})", list(bounds.values()))

    def is_empty(self, name: str) -> Part:
        return Part(f"JSON_LENGTH(d.exact, '$.{name}') = 0")

    def first(self, name: str, kind: str) -> str:
        value = f"JSON_VALUE(d.exact, '$.{name}[0]')"
        return f"CAST({value} AS {NUMBER})" if kind == "number" else f"CAST({value} AS BINARY)"

    def each(self, name: str, kind: str) -> tuple[str, str]:
        join, value = self._table(name, kind)
        return f"JOIN {join}", value

    def _table(self, name: str, kind: str) -> tuple[str, str]:
        column = NUMBER if kind == "number" else "VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        return f"JSON_TABLE(d.exact, '$.{name}[*]' COLUMNS (v {column} PATH '$')) AS j", "j.v"

    def read(self, value: Any, kind: str) -> Any:
        if kind == "boolean":
            return value in (1, "1", "true", True)
        if kind == "number":
            return int(value) if float(value).is_integer() else value
        return value
