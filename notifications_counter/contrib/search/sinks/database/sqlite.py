"""SQLite: FTS5, whose table takes its texts from that of the documents, by triggers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import DatabaseError

from .rows import CLASSES, weights
from .vendor import TABLE, Parameters, Terms, Vendor

if TYPE_CHECKING:
    from ...index import SearchIndex

FTS = f"{TABLE}_fts"
COLUMNS = (*CLASSES, "words")
LISTED = ", ".join(COLUMNS)
OLD, NEW = (", ".join(f"{row}.{column}" for column in COLUMNS) for row in ("old", "new"))

ADD = f"INSERT INTO {FTS} (rowid, {LISTED}) VALUES (new.id, {NEW});"
REMOVE = f"INSERT INTO {FTS} ({FTS}, rowid, {LISTED}) VALUES ('delete', old.id, {OLD});"
CHANGED = " OR ".join(f"new.{column} IS NOT old.{column}" for column in COLUMNS)

#: What Django's remake of a table drops.
TRIGGERS = {
    f"{FTS}_insert": f"AFTER INSERT ON {TABLE} BEGIN {ADD} END",
    f"{FTS}_delete": f"AFTER DELETE ON {TABLE} BEGIN {REMOVE} END",
    f"{FTS}_update": f"AFTER UPDATE ON {TABLE} WHEN {CHANGED} OR new.id <> old.id BEGIN {REMOVE} {ADD} END",
}

#: Suggestions are looked for among the most popular documents in this index alone.
WALK = f"CREATE INDEX IF NOT EXISTS nc_search_walk ON {TABLE} (index_name, popularity DESC, id, words)"


class SQLite(Vendor):
    def is_installed(self) -> bool:
        names = [FTS, "nc_search_walk", *TRIGGERS]
        listed = ", ".join(f"'{name}'" for name in names)
        return self.rows(f"SELECT COUNT(*) FROM sqlite_master WHERE name IN ({listed})", {})[0][0] == len(names)

    def install(self) -> None:
        self.run(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {FTS} USING fts5({LISTED}, content='{TABLE}', content_rowid='id',"
            " tokenize='unicode61 remove_diacritics 0', prefix='2 3')",
            *(f"DROP TRIGGER IF EXISTS {name}" for name in TRIGGERS),
            *(f"CREATE TRIGGER {name} {body}" for name, body in TRIGGERS.items()),
            WALK,
            f"INSERT INTO {FTS} ({FTS}) VALUES ('rebuild')",
        )

    def verify(self) -> bool:
        try:
            # With the rank 1 the texts are compared too, not only what FTS5 holds of them.
            self.run(f"INSERT INTO {FTS} ({FTS}, rank) VALUES ('integrity-check', 1)")
        except DatabaseError:
            self.run(f"INSERT INTO {FTS} ({FTS}) VALUES ('rebuild')")
            return False
        return True

    def matches(self, index: SearchIndex, terms: Terms, p: Parameters) -> str:
        return _in_fts(_of_classes(_all(terms)), p)

    def scored(self, index: SearchIndex, terms: Terms, p: Parameters) -> tuple[str, str]:
        return self._scored(index, _of_classes(_all(terms)), p)

    def has_words(self, terms: Terms, p: Parameters) -> str:
        return _in_fts(f"words : ({_all(terms)})", p)

    def alike(self, index: SearchIndex, words: Sequence[str], p: Parameters) -> tuple[str, str, str]:
        asked = _of_classes(" OR ".join(f'"{word}"' for word in words))
        return _in_fts(asked, p), *self._scored(index, asked, p)

    def _scored(self, index: SearchIndex, asked: str, p: Parameters) -> tuple[str, str]:
        ranks = ", ".join(str(float(weight)) for weight in (*weights(index), 0))
        # bm25 is known only where the table is searched: the limit keeps the planner from moving it elsewhere.
        found = (
            f"SELECT rowid AS id, -bm25({FTS}, {ranks}) AS score FROM {FTS} WHERE {FTS} MATCH {p.add(asked)} LIMIT -1"
        )
        return f"JOIN ({found}) s ON s.id = d.id", "s.score"

    def elements(self, name: str, kind: str) -> str:
        return f"json_each(d.filterable, '$.\"{name}\"') e"

    def first(self, name: str, kind: str) -> str:
        return f"json_extract(d.filterable, '$.\"{name}\"[0]')"


def _in_fts(asked: str, p: Parameters) -> str:
    return f"d.id IN (SELECT rowid FROM {FTS} WHERE {FTS} MATCH {p.add(asked)})"


def _of_classes(asked: str) -> str:
    return f"{{{' '.join(CLASSES)}}} : ({asked})"


def _all(terms: Terms) -> str:
    """An expression of FTS5. Words are in quotes, and have none."""
    return " AND ".join(f"({' OR '.join(_quoted(word, is_prefix) for word in words)})" for words, is_prefix in terms)


def _quoted(word: str, is_prefix: bool) -> str:
    return f'"{word}"{" *" * is_prefix}'
