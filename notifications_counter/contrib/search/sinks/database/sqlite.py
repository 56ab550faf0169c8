"""SQLite: tables of FTS5, one for words as they are, one for English by their stems, one for what is suggested.

Each keeps its own copy of the words, under the ids of the documents: no trigger and no hidden row number is lost when
Django makes the table of documents anew. https://sqlite.org/fts5.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from .dialect import OPERATORS, TABLE, Dialect, Part
from .words import CLASSES, Asked, weights

if TYPE_CHECKING:
    from ...declaration import SearchDeclaration

WORDS = ", ".join(f"words_{one}" for one in CLASSES)
SIMPLE, STEMS, NAMES = f"{TABLE}_fts", f"{TABLE}_fts_english", f"{TABLE}_fts_names"

TABLES = {
    SIMPLE: f"{WORDS}, tokenize = \"unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc Pc'\"",
    STEMS: f"{WORDS}, tokenize = \"porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc Pc'\"",
    NAMES: "names, prefix = '1 2 3', tokenize = \"unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc Pc'\"",
}
CONTENT = {
    SIMPLE: (WORDS, "language <> 'english'"),
    STEMS: (WORDS, "language = 'english'"),
    NAMES: ("names", "names <> ''"),
}


class SQLiteDialect(Dialect):
    """SQLite with FTS5."""

    def install(self) -> bool:
        there = {name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for name, columns in TABLES.items():
            if name not in there:
                self.execute(f"CREATE VIRTUAL TABLE {name} USING fts5({columns})")
        return not TABLES.keys() <= there

    def fill(self) -> None:
        for name, (columns, condition) in CONTENT.items():
            self.execute(f"DELETE FROM {name}")
            self.execute(f"INSERT INTO {name} (rowid, {columns}) SELECT id, {columns} FROM {TABLE} WHERE {condition}")

    def written(self, index: SearchDeclaration, ids: Sequence[int], names: Iterable[str]) -> None:
        self.deleting(index, ids)
        for name in (STEMS if index.language == "english" else SIMPLE, NAMES):
            columns, condition = CONTENT[name]
            self.execute(
                f"INSERT INTO {name} (rowid, {columns}) SELECT id, {columns} FROM {TABLE}"
                f" WHERE id IN ({self.marks(ids)}) AND {condition}",
                ids,
            )

    def deleting(self, index: SearchDeclaration, ids: Sequence[int]) -> None:
        for name in TABLES:
            self.execute(f"DELETE FROM {name} WHERE rowid IN ({self.marks(ids)})", ids)

    def problems(self) -> list[str]:
        found = []
        for name, (_, condition) in CONTENT.items():
            try:
                self.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")
            except DatabaseError as error:
                found.append(f"{name} does not agree with itself: {error}")
                continue
            differ = self.rows(
                f"SELECT (SELECT count(*) FROM {TABLE} WHERE {condition} AND id NOT IN (SELECT rowid FROM {name}))"
                f" + (SELECT count(*) FROM {name} WHERE rowid NOT IN (SELECT id FROM {TABLE} WHERE {condition}))"
            )[0][0]
            if differ:
                found.append(f"{name} differs from the table of documents in {differ} rows")
        return found

    def match(self, index: SearchDeclaration, words: Sequence[str], every: bool = True) -> tuple[Part, Part, Part]:
        name = STEMS if index.language == "english" else SIMPLE
        condition = Part(f"{name} MATCH %s", [(" " if every else " OR ").join(map(_literal, words))])
        order = ", ".join(str(float(weight)) for weight in weights(index).values())
        return Part(f"JOIN {name} ON {name}.rowid = d.id"), condition, Part(f"-bm25({name}, {order})")

    def names(self, index: SearchDeclaration, asked: Asked, size: int) -> Iterable[tuple[Part, Part, int]]:
        wanted = " ".join([*map(_literal, asked.words), f"{_literal(asked.last[0])} *"])
        yield Part(f"{self.table} d JOIN {NAMES} ON {NAMES}.rowid = d.id"), Part(f"{NAMES} MATCH %s", [wanted]), size

    def has(self, name: str, values: Sequence[Any]) -> Part:
        return self._any(name, f"j.value IN ({self.marks(values)})", values)

    def between(self, name: str, kind: str, bounds: Mapping[str, Any]) -> Part:
        return self._any(name, " AND ".join(f"j.value {OPERATORS[one]} %s" for one in bounds), list(bounds.values()))

    def _any(self, name: str, condition: str, parameters: Sequence[Any]) -> Part:
        return Part(
            f"EXISTS (SELECT 1 FROM json_each(d.exact, '$.{name}') AS j WHERE {condition})",
            [int(one) if isinstance(one, bool) else one for one in parameters],
        )

    def is_empty(self, name: str) -> Part:
        return Part(f"json_array_length(d.exact, '$.{name}') = 0")

    def first(self, name: str, kind: str) -> str:
        return f"json_extract(d.exact, '$.{name}[0]')"

    def each(self, name: str, kind: str) -> tuple[str, str]:
        return f"JOIN json_each(d.exact, '$.{name}') AS j", "j.value"


def _literal(word: str) -> str:
    """A word that is no operator of FTS5: words have no quotes."""
    return f'"{word}"'
